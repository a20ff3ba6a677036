/** Matrix products, as shares of a bare multiply-add loop and of 16 flop a cycle. */
import { GemmShape as Sizes } from '../../src/generated/kernels.ts';
import { ABSENT, type Arena } from '../arena.ts';
import { type Bench, fromScene, percents, ratios } from '../bench.ts';
import { computeLoops, type Row, type Scene } from '../scene.ts';

export interface GemmShape {
  form: 'NN' | 'NT' | 'TN';
  m: number;
  n: number;
  k: number;
}

const SHAPES: GemmShape[] = [
  { form: 'NN', m: 256, n: 256, k: 256 },
  { form: 'NN', m: 512, n: 512, k: 512 },
  { form: 'NN', m: 1024, n: 1024, k: 1024 },
  { form: 'NT', m: 512, n: 512, k: 512 },
  { form: 'TN', m: 512, n: 512, k: 512 },
  { form: 'NN', m: 100, n: 200, k: 784 },
  { form: 'NT', m: 100, n: 200, k: 784 },
  { form: 'TN', m: 200, n: 784, k: 100 },
  { form: 'NT', m: 100, n: 200, k: 3136 },
  { form: 'NT', m: 100, n: 10, k: 200 },
  { form: 'NT', m: 1, n: 200, k: 784 },
];

const nameOf = ({ form, m, n, k }: GemmShape) => `${form} [${m}, ${k}]·[${k}, ${n}]`;

export function gemmScene(arena: Arena, shape: GemmShape): Scene {
  const { kernels } = arena;
  const { form, m, n, k } = shape;
  const [a, b, c] = [arena.floats(m * k, 1), arena.floats(k * n, 2), arena.floats(m * n)];
  const scratch = arena.bytes(kernels.gemmScratch(m, n, k));
  const transposeA = form[0] === 'T' ? 1 : 0;
  const transposeB = form[1] === 'T' ? 1 : 0;
  const sizes = arena.struct(Sizes, { m, n, k, transposeA, transposeB, accumulate: 0, columns: 0 });
  const run = () => kernels.gemm(c, a, b, ABSENT, sizes, 0, 0, m, scratch);
  return {
    shape: nameOf(shape),
    unit: 'GFLOP/s',
    loops: computeLoops(arena),
    works: { product: { count: 2 * m * n * k, run, results: [[c, m * n]] } },
  };
}

const products = (rows: readonly Row[]) =>
  rows.filter(({ shape }) => /^NN \[(512|1024), \1\]/.test(shape));

const bench: Bench = {
  subject: 'Matrix products and convolutions',
  relaxed: true,
  scenes: (arena) => SHAPES.map((shape) => () => gemmScene(arena, shape)),
  contest: {
    items: SHAPES.filter(({ form }) => form === 'NN').map((shape) => ({
      work: 'product',
      shape: nameOf(shape),
      unit: 'GFLOP/s',
      count: 2 * shape.m * shape.n * shape.k,
      of: { ...shape },
      tolerance: 1e-4,
    })),
    prepare: fromScene((arena, { of }) => gemmScene(arena, of as unknown as GemmShape)),
  },
  goals: [
    {
      name: 'matrix product [100, 200]·[200, 10] and one row, share of P',
      ...{ must: 70, aim: 85, unit: '%', more: true },
      why: 'ten columns are computed as ten rows of the transpose, 72 %: packing the 100 rows in panels of eight takes a sixth of the time. One row (32 to 40 %) uses each number of B once: sixteen products take eight shuffles, four multiplications and four additions, which four units do in four cycles, so half of the peak, 59 % of P, is the most that this order of sums allows; shuffles replaced by blends would be more operations',
      of: ({ strict }) =>
        percents(
          ratios(strict, 'product', ({ shape }) => /^NT \[(100, 200\]·\[200, 10|1, )/.test(shape)),
        ),
    },
    {
      name: 'matrix product 512³ and 1024³, share of P',
      ...{ must: 85, aim: 93, unit: '%', more: true },
      why: "the loop of five rows takes 5.4 cycles a step of k where twenty operations on four units take 5; the rest is packing and the tiles' ends",
      of: ({ strict }) => percents(ratios(products(strict), 'product')),
    },
    {
      name: 'matrix product 512³ and 1024³, relaxed build, Node 24, share of the peak',
      ...{ must: 93, aim: 96, unit: '%', more: true },
      why: "the loop of six rows takes 6.1 cycles where twelve fused operations on two units take 6; the rest is packing, the tiles' ends and rows that six does not divide",
      of: ({ relaxed }) =>
        products(relaxed).map(({ peak, shape }) => ({
          value: 100 * (peak?.median ?? Number.NaN),
          where: shape,
        })),
    },
  ],
};
export default bench;
