/** Batch norm with ghost batches and with masks, × plain batch norm: forward in training and backward. */
import { MASKING } from '../../src/layers/batchnorm/masking.ts';
import type { Arena } from '../arena.ts';
import { type Bench, ratios } from '../bench.ts';
import { type Effort, statistic, timeRounds } from '../measure.ts';
import type { Measured } from '../scene.ts';

/** n samples of c channels and s positions; s = 0 for rows. */
const SHAPES: { name: string; n: number; c: number; s: number; ghosts: number }[] = [
  { name: 'rows [4096, 512]', n: 4096, c: 512, s: 0, ghosts: 32 },
  { name: 'rows [1024, 100]', n: 1024, c: 100, s: 0, ghosts: 8 },
  { name: 'sequences [64, 128, 96], channels last', n: 8192, c: 96, s: 0, ghosts: 4 },
  { name: 'sequences [64, 96, 128]', n: 64, c: 96, s: 128, ghosts: 4 },
  { name: 'NCHW [32, 64, 56, 56]', n: 32, c: 64, s: 3136, ghosts: 2 },
  { name: 'NCHW [64, 16, 32, 32]', n: 64, c: 16, s: 1024, ghosts: 4 },
];

function measureVariants(arena: Arena, effort: Effort): Measured[] {
  return SHAPES.flatMap((shape) => {
    const mark = arena.mark();
    const rows = measure(arena, shape, effort);
    arena.release(mark);
    return rows;
  });
}

function measure(arena: Arena, { name, n, c, s, ghosts }: (typeof SHAPES)[number], effort: Effort) {
  const { kernels: k } = arena;
  const positions = n * (s || 1);
  const size = positions * c;
  const [x, dy, y, dx] = [1, 2, undefined, undefined].map((seed) => arena.floats(size, seed)) as [
    ...ReturnType<Arena['floats']>[],
  ] & { length: 4 };
  const perChannel = (seed?: number) => arena.floats(c * ghosts, seed);
  const [shift, delta, invStd, variance, scale, offset, slope, intercept] = Array.from(
    { length: 8 },
    () => perChannel(),
  ) as [...ReturnType<Arena['floats']>[]] & { length: 8 };
  const [weight, bias, dWeight, dBias] = [perChannel(3), perChannel(4), perChannel(), perChannel()];
  const totals = arena.bytes(16 * (c + 16));
  const lanes = arena.bytes(5 * 4160);
  const mask = arena.floats(positions, 5);
  const marks = arena.view(mask, positions);
  // Sequences have 60 to 100 % of the longest one's length; rows and images miss a random tenth.
  const length = name.startsWith('sequences') ? 128 : 0;
  for (let i = 0; i < positions; i++) {
    const share = 0.6 + (0.4 * (Math.floor(i / length) % 7)) / 6;
    marks[i] = (length ? i % length < share * length : marks[i]! < 0.4) ? 1 : 0;
  }
  const at = (pointer: typeof x, floats: number) =>
    (pointer! + 4 * floats) as NonNullable<typeof x>;
  const saved = (g: number) => [at(shift, g * c), at(delta, g * c), at(invStd, g * c)] as const;

  const forward = (parts: number) => {
    const count = n / parts;
    for (let g = 0; g < parts; g++) {
      const o = (g * size) / parts;
      const [K, d, r] = saved(g);
      const [a, b] = [at(scale, g * c), at(offset, g * c)];
      if (s) {
        k.batchNormStatisticsPlanes(K, d, r, variance!, at(x, o), count, c, s, 1e-5, 0, c, totals);
      } else {
        k.batchNormStatistics(K, d, r, variance!, at(x, o), count, c, 1e-5, 0, c, totals, lanes);
      }
      k.batchNormAffine(a, b, d, r, weight!, bias!, 0, c);
      if (s) k.batchNormForwardPlanes(at(y, o), K, a, b, at(x, o), count, c, s, 0, 0, c);
      else k.batchNormForward(at(y, o), K, a, b, at(x, o), c, 0, 0, count, lanes);
    }
  };
  const backward = (parts: number) => {
    const count = n / parts;
    for (let g = 0; g < parts; g++) {
      const o = (g * size) / parts;
      const [K, d, r] = saved(g);
      const [a, b] = [at(scale, g * c), at(offset, g * c)];
      const [p, q] = [slope!, intercept!];
      const of = [at(dy, o), at(x, o)] as const;
      if (s) k.batchNormBackwardSumsPlanes(totals, K, a, b, ...of, count, c, s, 0, 0, c);
      else k.batchNormBackwardSums(totals, K, a, b, ...of, count, c, 0, 0, c, lanes);
      const m = count * (s || 1);
      k.batchNormAffineBackward(dWeight!, dBias!, p, q, totals, d, r, a, c, m, 0, c);
      if (s) k.batchNormBackwardPlanes(at(dx, o), K, a, b, p, q, ...of, count, c, s, 0, 0, c);
      else k.batchNormBackward(at(dx, o), K, a, b, p, q, ...of, c, 0, 0, count, lanes);
    }
  };
  const whole = { element: 0, position: 0, index: 0, samples: n, n, s, m: 0 };
  const maskedForward = () => {
    MASKING.count('bench', [whole], marks, true);
    const [K, d, r] = saved(0);
    const of = [x!, mask, n, c, s, whole.m] as const;
    k.batchNormMaskedStatistics(K, d, r, variance!, ...of, 1e-5, 0, c, totals, lanes);
    k.batchNormAffine(scale!, offset!, d, r, weight!, bias!, 0, c);
    k.batchNormMaskedForward(y!, K, scale!, offset!, x!, mask, c, s, 0, n);
  };
  const maskedBackward = () => {
    const [K, d, r] = saved(0);
    k.batchNormMaskedBackwardSums(totals, K, dy!, x!, mask, n, c, s, 0, c, lanes);
    const [p, q] = [slope!, intercept!];
    k.batchNormAffineBackward(dWeight!, dBias!, p, q, totals, d, r, scale!, c, whole.m, 0, c);
    k.batchNormMaskedBackward(dx!, K, scale!, p, q, dy!, x!, mask, c, s, 0, n);
  };
  const ready = (make: () => void) => () => {
    make();
    for (const sums of [dWeight, dBias]) arena.view(sums!, c).fill(0);
  };
  const times = timeRounds(
    {
      'plain forward': { run: () => forward(1) },
      'ghosts forward': { run: () => forward(ghosts) },
      'masked forward': { run: maskedForward },
      'plain backward': { reset: ready(() => forward(1)), run: () => backward(1) },
      'ghosts backward': { reset: ready(() => forward(ghosts)), run: () => backward(ghosts) },
      'masked backward': { reset: ready(maskedForward), run: maskedBackward },
    },
    effort,
  );
  return Object.entries(times).map(([work, of]): Measured => {
    const [kind, way] = work.split(' ') as ['plain' | 'ghosts' | 'masked', 'forward' | 'backward'];
    const plain = times[`plain ${way}`];
    const row: Measured = {
      work,
      shape: kind === 'ghosts' ? `${name} in ${ghosts}` : name,
      unit: 'ns/element',
      value: statistic(of.map((ms) => (ms * 1e6) / size)),
    };
    if (kind !== 'plain') {
      row.ratio = { of: '× plain', ...statistic(of.map((ms, round) => ms / plain[round]!)) };
    }
    return row;
  });
}

const GOALS = {
  ghosts:
    'the shift, the ends of the sums and γ/σ are done once per channel and ghost, which shows with 128 rows in a ghost; images and sequences are within 1.1',
  masked:
    'a mask is looked up, and per-channel numbers are loaded anew, for each row, since rows with gaps cannot be joined into long ones',
};

const bench: Bench = {
  subject: 'Batch norm',
  shown: [],
  measure: measureVariants,
  goals: Object.entries(GOALS).map(([variant, why]) => ({
    name: `batch norm, ${variant}, × plain`,
    ...{ must: 1.3, aim: 1.1, unit: '×', why },
    of: ({ strict }) => [
      ...ratios(strict, `${variant} forward`),
      ...ratios(strict, `${variant} backward`),
    ],
  })),
};
export default bench;
