/** Every public layer is described in JSON and made again: the same keys, predictions and training, to the bit. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import * as E from '../../src/index.ts';
import { fromJSON, loadModel, saveModel, toJSON } from '../../src/state/index.ts';
import { TestRandom } from '../support/random.ts';
import { randomSample, SAMPLES, type Sample } from './layers.ts';

function inputs({ shape, masked = false, indices }: Sample): E.Input[] {
  const random = new TestRandom(3);
  const shapes = (Array.isArray(shape[0]) ? shape : [shape]) as number[][];
  return shapes.map((each, i) => {
    const size = each.reduce((a, b) => a * b, 1);
    const mask = masked && i === 1;
    const values = mask
      ? Float32Array.from({ length: size }, (_, j) => (j % 3 ? 1 : 0))
      : random.normals(size);
    const rows =
      indices === undefined
        ? undefined
        : Int32Array.from({ length: size }, (_, j) => (5 * j) % indices);
    return { data: rows ?? values, shape: each };
  });
}

/** Everything that a model computes: its prediction, a training step, and the state after it. */
function behaviour(model: E.Module, sample: Sample): Record<string, unknown> {
  const x = inputs(sample);
  E.manualSeed(11);
  const prediction = model.predict(x).toArray();
  const folded = model instanceof E.FoldedNetwork;
  const y = model.forward(x);
  const dy = new TestRandom(4).normals(y.size);
  const [dx] = [model.backward<E.Tensor | E.Tensor[]>({ data: dy, shape: y.shape })].flat();
  const gradient = dx!.toArray();
  const values = y.toArray();
  const parameters = model.parameters();
  if (parameters.length > 0 && !folded) new E.SGD(parameters, { lr: 0.1 }).step();
  const state = Object.entries(model.stateDict()).map(([name, t]) => [name, t.shape, t.toArray()]);
  const trained = model.namedParameters().map(([name, p]) => [name, p.requiresGrad]);
  return { prediction, values, gradient, state, trained, seed: E.defaultGenerator.state };
}

function expectSame(sample: Sample): void {
  const model = sample.make();
  const text = JSON.stringify(toJSON(model));
  const made = fromJSON(JSON.parse(text), { state: model.stateDict() });
  expect(made.constructor).toBe(model.constructor);
  expect(JSON.stringify(toJSON(made))).toBe(text);
  const loaded = loadModel(saveModel(model));
  const expected = behaviour(model, sample);
  expect(behaviour(made, sample)).toEqual(expected);
  expect(behaviour(loaded, sample)).toEqual(expected);
  for (const each of [model, made, loaded]) each.dispose();
}

/** Options that stand in a description under another name, or not at all. */
const ELSEWHERE = {
  'Linear.init': 'a description has no weights',
  'Conv.init': 'a description has no weights',
  'PReLU.init': 'a description has no weights',
  'BatchNorm.decay': '1 − momentum',
  'BatchNorm.affine': 'scale and center',
  'Renorm.rMax': 'in the option renorm',
  'Renorm.dMax': 'in the option renorm',
  'Pass.reverse': 'of one pass of a recurrent network',
  'Pass.last': 'of one pass of a recurrent network',
  'Pass.relu': 'of one pass of a recurrent network',
};

/** Options that several classes share. */
const SHARED: Readonly<Record<string, readonly string[]>> = { Recurrent: ['RNN', 'LSTM', 'GRU'] };

/** The options that the sources declare: [the first part of the classes' names, the option]. */
function layerOptions(): [family: string, option: string][] {
  const files = readdirSync('src/layers', { recursive: true, encoding: 'utf8' });
  return files
    .filter((file) => file.endsWith('.ts'))
    .flatMap((file) => {
      const source = readFileSync(join('src/layers', file), 'utf8');
      return [...source.matchAll(/^export interface (\w+)Options[^{]*\{\n([\s\S]*?)^\}/gm)];
    })
    .flatMap(([, family, body]) =>
      [...body!.matchAll(/^ {2}(?:readonly )?(\w+)\??:/gm)].map(([, option]): [string, string] => [
        family!,
        option!,
      ]),
    );
}

const abstract = ['Module', 'Layer'];
const classes = Object.entries(E)
  .filter(([, value]) => typeof value === 'function' && value.prototype instanceof E.Module)
  .map(([name]) => name)
  .filter((name) => !abstract.includes(name));

describe('the description of', () => {
  it.each(Object.entries(SAMPLES))('%s makes the same layer again', (_, samples) => {
    for (const sample of samples) expectSame(sample);
  });

  it('400 random layers makes the same layers again', () => {
    for (let seed = 0; seed < 400; seed++) expectSame(randomSample(seed));
  }, 60_000);

  it('every option of a layer is in some of these', () => {
    const seen = new Map<string, Set<string>>();
    const random = Array.from({ length: 400 }, (_, seed) => randomSample(seed));
    for (const sample of [...Object.values(SAMPLES).flat(), ...random]) {
      const model = sample.make();
      JSON.stringify(toJSON(model), (_, value) => {
        const { type, options } = value ?? {};
        if (typeof type === 'string' && options) {
          seen.set(type, new Set([...(seen.get(type) ?? []), ...Object.keys(options)]));
        }
        return value;
      });
      model.dispose();
    }
    const missing = layerOptions().flatMap(([family, option]) => {
      const belongs = (type: string) => SHARED[family]?.includes(type) ?? type.startsWith(family);
      const found = [...seen].some(([type, names]) => belongs(type) && names.has(option));
      return found ? [] : [`${family}.${option}`];
    });
    expect(missing.filter((option) => !(option in ELSEWHERE))).toEqual([]);
  }, 60_000);

  it('every public class is among these', () => {
    const seen = new Set(Object.keys(SAMPLES));
    for (let seed = 0; seed < 400; seed++) {
      const type = JSON.stringify(toJSON(randomSample(seed).make()));
      for (const [, name] of type.matchAll(/"type":"(\w+)"/g)) seen.add(name!);
    }
    expect(classes.filter((name) => !seen.has(name))).toEqual([]);
  });
});
