/** Flips, crops, shifts and noise against a plain reading of their definition, and their draws. */
import { describe, expect, it } from 'vitest';
import { type AugmentOptions, augment } from '../../src/data/index.ts';
import { defaultGenerator, Generator, manualSeed } from '../../src/tensor/random.ts';
import { Tensor } from '../../src/tensor/tensor.ts';

/** x[n, c, h, w] = 1000n + 100c + 10h + w + 1: every pixel is another. */
function images(n: number, c: number, h: number, w: number) {
  const data = Float32Array.from({ length: n * c * h * w }, (_, i) => {
    const [x, y] = [i % w, Math.floor(i / w) % h];
    return (
      1000 * Math.floor(i / (w * h * c)) + 100 * (Math.floor(i / (w * h)) % c) + 10 * y + x + 1
    );
  });
  return { data, shape: [n, c, h, w] };
}

const pair = (value: unknown): [number, number] =>
  Array.isArray(value)
    ? (value as [number, number])
    : [(value as number) ?? 0, (value as number) ?? 0];

/** The definition, pixel by pixel: pad, cut at the drawn place, mirror. */
function expected(x: ReturnType<typeof images>, options: AugmentOptions, seed: number) {
  const [n, c, h, w] = x.shape as [number, number, number, number];
  const [padY, padX] = pair(options.shift ?? options.padding);
  const [outH, outW] = options.crop === undefined ? [h, w] : pair(options.crop);
  const draws = new Generator(seed).uniform([n, 4]).toArray();
  const chance = (p: boolean | number | undefined) => (p === true ? 0.5 : Number(p ?? 0));
  const inside = (i: number, size: number): number | undefined => {
    if (i >= 0 && i < size) return i;
    if (options.paddingMode === 'edge') return Math.min(Math.max(i, 0), size - 1);
    if (options.paddingMode === 'reflect') return i < 0 ? -i : 2 * (size - 1) - i;
    return undefined;
  };
  const y: number[] = [];
  for (let s = 0; s < n; s++) {
    const [left2right, top2bottom, u, v] = draws.subarray(4 * s);
    const top = Math.floor(u! * (h + 2 * padY - outH + 1));
    const left = Math.floor(v! * (w + 2 * padX - outW + 1));
    for (let k = 0; k < c; k++) {
      for (let i = 0; i < outH; i++) {
        for (let j = 0; j < outW; j++) {
          const row = top2bottom! < chance(options.verticalFlip) ? outH - 1 - i : i;
          const col = left2right! < chance(options.horizontalFlip) ? outW - 1 - j : j;
          const [a, b] = [inside(top + row - padY, h), inside(left + col - padX, w)];
          const out = a === undefined || b === undefined;
          y.push(out ? (options.fill ?? 0) : x.data[((s * c + k) * h + a) * w + b]!);
        }
      }
    }
  }
  return { data: y, shape: [n, c, outH, outW] };
}

/** The axes of images [N, C, H, W] in another order: [N, H, W, C]. */
function last({ data, shape }: { data: ArrayLike<number>; shape: readonly number[] }) {
  const [n, c, h, w] = shape as [number, number, number, number];
  const out = new Float32Array(data.length);
  for (let i = 0; i < data.length; i++) {
    const [x, y, k] = [i % w, Math.floor(i / w) % h, Math.floor(i / (w * h)) % c];
    out[((Math.floor(i / (w * h * c)) * h + y) * w + x) * c + k] = data[i]!;
  }
  return { data: out, shape: [n, h, w, c] };
}

const CASES: AugmentOptions[] = [
  { horizontalFlip: true },
  { verticalFlip: 0.3 },
  { horizontalFlip: 1, verticalFlip: 1 },
  { shift: 2 },
  { shift: [0, 3], fill: -7 },
  { shift: 2, paddingMode: 'edge' },
  { shift: [3, 2], paddingMode: 'reflect', horizontalFlip: true },
  { crop: 3 },
  { crop: [2, 5], padding: [0, 1], verticalFlip: true },
  { crop: 8, padding: 2, fill: 0.5, horizontalFlip: true },
];

describe('augment', () => {
  it.each(CASES)('%j is its definition, in both layouts', (options) => {
    for (const [n, c] of [
      [1, 1],
      [9, 3],
    ] as const) {
      const x = images(n, c, 4, 5);
      const before = x.data.slice();
      const want = expected(x, options, 5);
      const y = augment({ ...options, seed: 5 }).apply(x);
      expect(y.shape).toEqual(want.shape);
      expect([...y.data]).toEqual(want.data.map(Math.fround));
      expect(x.data).toEqual(before);
      const z = augment({ ...options, channelsLast: true, seed: 5 }).apply(last(x));
      expect(z.shape).toEqual(last(want).shape);
      expect([...z.data]).toEqual([...last(want).data]);
    }
  });

  it('takes signals, of which the width counts', () => {
    const x = images(6, 2, 1, 7);
    const signal = { data: x.data, shape: [6, 2, 7] };
    const options = { horizontalFlip: true, shift: 2, seed: 3 };
    const y = augment(options).apply(signal);
    expect(y.shape).toEqual([6, 2, 7]);
    expect([...y.data]).toEqual(expected(x, { ...options, shift: [0, 2] }, 3).data);
    const z = augment({ ...options, channelsLast: true }).apply({
      data: last(x).data,
      shape: [6, 7, 2],
    });
    expect([...z.data]).toEqual([...last(expected(x, { ...options, shift: [0, 2] }, 3)).data]);
    expect(augment({ crop: 3, seed: 1 }).apply(signal).shape).toEqual([6, 2, 3]);
  });

  it('moves about half of the samples, each place as often', () => {
    const x = images(4000, 1, 3, 3);
    const y = augment({ horizontalFlip: true, seed: 1 }).apply(x);
    let flipped = 0;
    for (let i = 0; i < 4000; i++) if (y.data[9 * i] !== x.data[9 * i]) flipped++;
    expect(Math.abs(flipped - 2000)).toBeLessThan(130); // four standard deviations
    const counts = new Map<number, number>();
    const cuts = augment({ crop: 1, seed: 2 }).apply(x).data;
    for (const [i, value] of cuts.entries()) {
      const place = value - 1000 * i;
      counts.set(place, (counts.get(place) ?? 0) + 1);
    }
    expect(counts.size).toBe(9);
    for (const count of counts.values()) expect(Math.abs(count - 4000 / 9)).toBeLessThan(80);
  });

  it('adds noise of the given deviation, after the draws of places', () => {
    const x = { data: new Float32Array(20_000).fill(2), shape: [200, 100] };
    const generator = new Generator(8);
    const y = augment({ noise: 0.5, generator }).apply(x).data;
    const noise = new Generator(8).normal([20_000], { std: 0.5 }).toArray();
    expect([...y]).toEqual([...noise.map((z) => 2 + z)]);
    const mean = y.reduce((a, b) => a + b, 0) / 20_000;
    expect(mean).toBeCloseTo(2, 1);
    const pixels = images(2, 1, 3, 3);
    const both = new Generator(3);
    both.uniform([2, 4]);
    const added = both.normal([18], { std: 0.1 }).toArray();
    const moved = expected(pixels, { shift: 1 }, 3).data;
    const found = augment({ shift: 1, noise: 0.1, seed: 3 }).apply(pixels).data;
    expect([...found]).toEqual(moved.map((value, i) => Math.fround(value + added[i]!)));
  });

  it('draws from the default generator, anew for each batch, into one array', () => {
    manualSeed(4);
    const changes = augment({ shift: 3 });
    expect(changes.generator).toBe(defaultGenerator);
    const x = images(5, 1, 4, 4);
    const first = changes.apply(x);
    const values = [...first.data];
    const second = changes.apply(Tensor.from(x.data, x.shape));
    expect([...second.data]).not.toEqual(values);
    expect(second.data.buffer).toBe(first.data.buffer);
    manualSeed(4);
    expect([...changes.apply(x).data]).toEqual(values);
    expect(changes.apply({ data: [], shape: [0, 1, 4, 4] }).shape).toEqual([0, 1, 4, 4]);
  });

  it.each([
    [{ horizontalFlip: 1.5 }, 'horizontalFlip expected a number from 0 to 1, got 1.5'],
    [{ verticalFlip: 'yes' }, 'verticalFlip expected true, false or a number, got the string yes'],
    [{ crop: 0 }, 'crop expected a whole number ≥ 1, got 0'],
    [{ crop: [1, 2, 3] }, 'crop expected a number or [height, width], got an array of 3'],
    [{ padding: -1 }, 'padding expected a whole number ≥ 0, got -1'],
    [{ shift: 0.5 }, 'shift expected a whole number ≥ 0, got 0.5'],
    [{ shift: 1, crop: 3 }, 'expected a shift, or a crop and its padding, got both'],
    [{ noise: -1 }, 'noise expected a number ≥ 0, got -1'],
    [{ paddingMode: 'wrap' }, `paddingMode expected 'constant' or 'edge' or 'reflect'`],
    [{ seed: 1, generator: new Generator(1) }, 'expected a seed or a generator, got both'],
    [{ generator: 7 }, 'generator expected a Generator, got the number 7'],
    [{ flip: true }, 'unknown option flip'],
  ])('refuses %j', (options, message) => {
    expect(() => augment(options as never)).toThrow(message);
  });

  it('refuses inputs that it cannot move, and draws nothing then', () => {
    const generator = new Generator(1);
    const before = generator.state;
    const apply = (options: AugmentOptions, ...shape: number[]) =>
      augment({ ...options, generator }).apply(Tensor.zeros(shape));
    expect(() => apply({ shift: 1 }, 5, 784)).toThrow(
      'augment: inputs expected [N, C, H, W] or [N, C, L], got [5, 784]',
    );
    expect(() => apply({ crop: 6, padding: 1 }, 5, 1, 3, 9)).toThrow(
      'augment: crop expected at most [5, 11], the padded size of [5, 1, 3, 9], got [6, 6]',
    );
    expect(() => apply({ shift: 3, paddingMode: 'reflect' }, 5, 1, 3, 9)).toThrow(
      `augment: padding with 'reflect' expected less than [3, 9], got [3, 3]`,
    );
    expect(() => augment().apply(7 as never)).toThrow('expected a Tensor or { data, shape }');
    expect(generator.state).toEqual(before);
  });
});
