/** Batch norm with ghost batches and with masks, × plain batch norm: forward in training and backward. */
import type { Pointer } from '../../src/generated/kernels.ts';
import { MASKING } from '../../src/layers/batchnorm/masking.ts';
import type { Part } from '../../src/layers/batchnorm/part.ts';
import { offset } from '../../src/memory/memory.ts';
import type { Arena } from '../arena.ts';
import { type Bench, ratios } from '../bench.ts';
import { type Effort, statistic, timeRounds } from '../measure.ts';
import type { Measured } from '../scene.ts';
import { sizesAt } from './batchnorm.ts';

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
  const perChannel = (seed?: number) => arena.floats(c, seed);
  const statistics = arena.floats(4 * c * ghosts) as Pointer<'Statistics'>;
  const coefficients = arena.floats(5 * c * ghosts) as Pointer<'Coefficients'>;
  const [weight, bias, dWeight, dBias] = [perChannel(3), perChannel(4), perChannel(), perChannel()];
  const whole = sizesAt(arena, { n, c, s });
  const ghost = sizesAt(arena, { n: n / ghosts, c, s });
  const scratch = arena.bytes(k.batchNormScratch(whole));
  const mask = arena.floats(positions, 5);
  const marks = arena.view(mask, positions);
  // Sequences have 60 to 100 % of the longest one's length; rows and images miss a random tenth.
  const length = name.startsWith('sequences') ? 128 : 0;
  for (let i = 0; i < positions; i++) {
    const share = 0.6 + (0.4 * (Math.floor(i / length) % 7)) / 6;
    marks[i] = (length ? i % length < share * length : marks[i]! < 0.4) ? 1 : 0;
  }
  /** A part's blocks of statistics and of coefficients. */
  const blocks = (g: number) =>
    [offset(statistics, g * 4 * c), offset(coefficients, g * 5 * c)] as const;

  const forward = (parts: number) => {
    const count = n / parts;
    const sizes = parts === 1 ? whole : ghost;
    for (let g = 0; g < parts; g++) {
      const [from, to] = [x, y].map((tensor) => offset(tensor!, (g * size) / parts));
      const [own, map] = blocks(g);
      k.batchNormStatistics(own, from!, sizes, 1e-5, 0, c, scratch);
      k.batchNormAffine(map, own, weight, bias, c, 0, c);
      k.batchNormForward(to!, map, from!, sizes, 0, 0, count, scratch);
    }
  };
  const backward = (parts: number) => {
    const count = n / parts;
    const sizes = parts === 1 ? whole : ghost;
    const m = count * (s || 1);
    for (let g = 0; g < parts; g++) {
      const [to, ...of] = [dx, dy, x].map((tensor) => offset(tensor!, (g * size) / parts));
      const [own, map] = blocks(g);
      const [upstream, from] = of as [Pointer, Pointer];
      k.batchNormBackwardSums(map, upstream, from, sizes, 0, 0, c, scratch);
      k.batchNormAffineBackward(dWeight, dBias, map, own, c, m, 0, c, scratch);
      k.batchNormBackward(to!, map, upstream, from, sizes, 0, 0, count, scratch);
    }
  };
  let counted = 0;
  const maskedForward = () => {
    // the layer counts the mask, too
    const part = { position: 0, positions, m: 0 } as Part;
    MASKING.count('bench', [part], marks, true);
    counted = part.m;
    const [own, map] = blocks(0);
    k.batchNormMaskedStatistics(own, x!, mask, whole, counted, 1e-5, 0, c, scratch);
    k.batchNormAffine(map, own, weight, bias, c, 0, c);
    k.batchNormMaskedForward(y!, map, x!, mask, whole, 0, n);
  };
  const maskedBackward = () => {
    const [own, map] = blocks(0);
    k.batchNormMaskedBackwardSums(map, dy!, x!, mask, whole, 0, c, scratch);
    k.batchNormAffineBackward(dWeight, dBias, map, own, c, counted, 0, c, scratch);
    k.batchNormMaskedBackward(dx!, map, dy!, x!, mask, whole, 0, n, scratch);
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
