import { afterEach, describe, expect, it } from 'vitest';
import { Generator, type Init, init, manualSeed, Parameter, Tensor } from '../../src/index.ts';

const made: Parameter[] = [];
afterEach(() => {
  for (const parameter of made.splice(0)) parameter.dispose();
});

function parameter(...shape: number[]): Parameter {
  const found = new Parameter(Tensor.zeros(shape));
  made.push(found);
  return found;
}

function moments(values: Float32Array): { mean: number; sd: number; most: number } {
  const n = values.length;
  const mean = values.reduce((sum, v) => sum + v, 0) / n;
  const variance = values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / n;
  const most = values.reduce((largest, v) => Math.max(largest, Math.abs(v)), 0);
  return { mean, sd: Math.sqrt(variance), most };
}

const SHAPE = [60, 20, 5, 5];
const FAN_IN = 20 * 25;
const FAN_OUT = 60 * 25;

describe('init by name: spread and bounds of a weight [60, 20, 5, 5]', () => {
  const names: [Init & string, number, number][] = [
    // name, standard deviation, largest possible magnitude
    ['default', 1 / Math.sqrt(3 * FAN_IN), 1 / Math.sqrt(FAN_IN)],
    ['he', Math.sqrt(2 / FAN_IN), Infinity],
    ['heUniform', Math.sqrt(2 / FAN_IN), Math.sqrt(6 / FAN_IN)],
    ['xavier', Math.sqrt(2 / (FAN_IN + FAN_OUT)), Math.sqrt(6 / (FAN_IN + FAN_OUT))],
    ['xavierNormal', Math.sqrt(2 / (FAN_IN + FAN_OUT)), Infinity],
    ['truncatedNormal', 0.02 * 0.87962566, 0.04],
  ];
  it.each(names)('%s', (name, sd, most) => {
    const weight = parameter(...SHAPE);
    const bias = parameter(60);
    init.initialize(weight, bias, name, new Generator(3));
    const found = moments(weight.data.view());
    // Five standard errors of 30,000 draws.
    expect(Math.abs(found.mean)).toBeLessThan((5 * sd) / Math.sqrt(30_000));
    expect(Math.abs(found.sd / sd - 1)).toBeLessThan(5 / Math.sqrt(2 * 30_000));
    expect(found.most).toBeLessThanOrEqual(Math.fround(most));
    if (most < Infinity) expect(found.most).toBeGreaterThan(0.99 * most);

    const biases = moments(bias.data.view());
    if (name === 'default') {
      expect(biases.most).toBeLessThanOrEqual(Math.fround(1 / Math.sqrt(FAN_IN)));
      expect(biases.most).toBeGreaterThan(0.8 / Math.sqrt(FAN_IN));
    } else {
      expect(biases.most).toBe(0);
    }
  });

  it('zeros and ones', () => {
    const weight = parameter(3, 5);
    init.initialize(weight, undefined, 'ones');
    expect(weight.data.view().every((v) => v === 1)).toBe(true);
    init.initialize(weight, undefined, 'zeros');
    expect(weight.data.view().every((v) => v === 0)).toBe(true);
  });

  it('a function of your own', () => {
    const weight = parameter(3, 5);
    const bias = parameter(3);
    init.constant(bias, 7);
    init.initialize(weight, bias, (p) => init.constant(p, 0.5));
    expect(weight.data.view().every((v) => v === 0.5)).toBe(true);
    expect(bias.data.view().every((v) => v === 0)).toBe(true);
  });

  it('an unknown name', () => {
    for (const name of ['lecun', 'toString']) {
      expect(() => init.initialize(parameter(3, 5), undefined, name as Init)).toThrow(
        `init: expected a function or one of default, he,`,
      );
    }
  });
});

describe('init functions', () => {
  it('kaiming by fan and nonlinearity', () => {
    const weight = parameter(...SHAPE);
    init.kaimingNormal(weight, { mode: 'fanOut', nonlinearity: 'tanh' });
    expect(moments(weight.data.view()).sd).toBeCloseTo(5 / 3 / Math.sqrt(FAN_OUT), 3);
    init.kaimingUniform(weight, { a: 1 });
    expect(moments(weight.data.view()).most).toBeCloseTo(Math.sqrt(3 / FAN_IN), 4);
    expect(() => init.gain('swish' as never)).toThrow('got swish');
    expect(() => init.kaimingUniform(parameter(7))).toThrow(
      'expected a shape [out, in, …], got [7]',
    );
  });

  for (const shape of [
    [4, 4],
    [3, 10],
    [10, 3],
    [6, 2, 3, 3],
  ]) {
    it(`orthogonal [${shape}]: orthonormal rows or columns`, () => {
      const weight = parameter(...shape);
      init.orthogonal(weight, { gain: 2 });
      const values = weight.data.view();
      const rows = shape[0]!;
      const columns = values.length / rows;
      const entry = (i: number, j: number) => values[i * columns + j]! / 2;
      const wide = rows <= columns;
      const [count, length] = wide ? [rows, columns] : [columns, rows];
      for (let a = 0; a < count; a++) {
        for (let b = 0; b <= a; b++) {
          let product = 0;
          for (let k = 0; k < length; k++) {
            product += wide ? entry(a, k) * entry(b, k) : entry(k, a) * entry(k, b);
          }
          expect(product).toBeCloseTo(a === b ? 1 : 0, 6);
        }
      }
    });
  }

  it('draws from the generator that manualSeed sets, each call anew', () => {
    const [a, b, c] = [parameter(5, 7), parameter(5, 7), parameter(5, 7)];
    manualSeed(42);
    init.initialize(a, undefined, 'he');
    init.initialize(b, undefined, 'he');
    manualSeed(42);
    init.initialize(c, undefined, 'he');
    expect(b.data.toArray()).not.toEqual(a.data.toArray());
    expect(c.data.toArray()).toEqual(a.data.toArray());
    manualSeed(0);
  });

  it('counts as a write to the parameter', () => {
    const weight = parameter(5, 7);
    const { version } = weight;
    init.normal(weight);
    expect(weight.version).toBeGreaterThan(version);
  });
});

describe('Generator', () => {
  it('goes on from a stored state', () => {
    const generator = new Generator(5);
    generator.permutation(10);
    const state = JSON.parse(JSON.stringify(generator.state));
    const next = generator.permutation(100);
    const other = new Generator();
    other.state = state;
    expect(other.permutation(100)).toEqual(next);
    expect(new Generator(5).permutation(100)).not.toEqual(next);
    expect(Array.from(next).sort((a, b) => a - b)).toEqual(
      Array.from({ length: 100 }, (_, i) => i),
    );
  });

  it('moves by what the count says and no more', () => {
    const generator = new Generator(5);
    generator.draw(0);
    expect(generator.state.counter).toBe(0);
    generator.draw(5);
    expect(generator.state.counter).toBe(2);
    generator.permutation(0);
    generator.permutation(4);
    expect(generator.state.counter).toBe(4);
  });

  it('starts with seed 0 and refuses what is no seed', () => {
    expect(new Generator().state).toEqual({ seed: 0, counter: 0 });
    for (const seed of [-1, 0.5, 2 ** 53, Number.NaN]) {
      expect(() => new Generator(seed)).toThrow(RangeError);
      expect(() => manualSeed(seed)).toThrow(RangeError);
    }
    expect(() => new Generator('1' as never)).toThrow(TypeError);
    expect(() => new Generator().permutation(-1)).toThrow(RangeError);
  });
});
