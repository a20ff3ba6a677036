/** Matrix products, as shares of a bare mul+add loop and of 16 flop a cycle. */
import { ABSENT, type Arena } from '../arena.ts';
import { computeLoops, type Scene } from '../scene.ts';
import { GEMM, type GemmShape, gemmName } from './shapes.ts';

export function gemmScene(arena: Arena, shape: GemmShape): Scene {
  const { kernels } = arena;
  const { form, m, n, k } = shape;
  const [a, b, c] = [arena.floats(m * k, 1), arena.floats(k * n, 2), arena.floats(m * n)];
  const scratch = arena.bytes(kernels.gemmScratch(m, n, k));
  const gemm = kernels[`gemm${form}`];
  const run = () => gemm(c, a, b, ABSENT, m, n, k, 0, 0, 0, m, scratch);
  return {
    group: 'gemm',
    shape: gemmName(shape),
    unit: 'GFLOP/s',
    loops: computeLoops(arena),
    works: { product: { count: 2 * m * n * k, run, results: [[c, m * n]] } },
  };
}

export function gemmScenes(arena: Arena): (() => Scene)[] {
  return GEMM.map((shape) => () => gemmScene(arena, shape));
}
