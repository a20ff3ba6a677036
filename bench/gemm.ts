/**
 * Matrix products: GFLOP/s and the share of a bare mul+add loop. `npx tsx bench/gemm.ts`
 */
import { Bench, measure } from './peak.ts';

const bench = new Bench();
const { kernels } = bench;

const items = [
  ['NN', 256, 256, 256],
  ['NN', 512, 512, 512],
  ['NN', 1024, 1024, 1024],
  ['NT', 512, 512, 512],
  ['TN', 512, 512, 512],
  ['NT', 100, 200, 784],
  ['NN', 100, 784, 200],
  ['TN', 200, 784, 100],
  ['NT', 100, 10, 200],
  ['NT', 100, 200, 3136],
  ['NT', 1, 200, 784],
] as const;

await measure(
  items.map(([form, m, n, k]) => {
    const a = bench.floats(m * k);
    const b = bench.floats(k * n);
    const c = bench.floats(m * n);
    const scratch = bench.bytes(kernels.gemmScratch(m, n, k));
    const gemm = kernels[`gemm${form}`];
    return {
      name: `${form} [${m}, ${k}]·[${k}, ${n}]`,
      flop: 2 * m * n * k,
      run: () => gemm(c, a, b, 0 as typeof a, m, n, k, 0, 0, 0, m, scratch),
    };
  }),
);
