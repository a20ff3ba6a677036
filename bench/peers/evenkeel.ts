/** Our own side of the pipe: the works of `npm run bench`. */
import { ABSENT } from '../arena.ts';
import { openArena } from '../open.ts';
import type { Scene } from '../scene.ts';
import { batchNormScene } from '../works/batchnorm.ts';
import { convScene } from '../works/conv2d.ts';
import { activationScene, lossScene } from '../works/elementwise.ts';
import { gemmScene } from '../works/gemm.ts';
import { groupNormScene } from '../works/groupnorm.ts';
import { layerNormScene } from '../works/layernorm.ts';
import { localResponseNormScene, weightNormScene } from '../works/rarenorms.ts';
import type {
  BatchNormShape,
  ConvShape,
  GemmShape,
  GroupNormShape,
  RowsShape,
} from '../works/shapes.ts';
import { type Network, stepper } from '../works/step.ts';
import type { Item } from './items.ts';
import { serve } from './serve.js';

const arena = await openArena(process.argv[2] === 'relaxed' ? 'relaxed' : 'strict');
let drop = (): void => {};

await serve((item: Item) => {
  drop();
  if (item.group === 'step') return step(item.of.network as Network);
  const mark = arena.mark();
  drop = () => arena.release(mark);
  return item.group === 'optim' ? optimizer(item) : kernel(item);
});

function kernel(item: Item) {
  const work = sceneOf(item).works[item.work]!;
  return {
    run: work.run,
    outputs() {
      work.reset?.();
      work.run();
      const [pointer, count] = work.results![0]!;
      return arena.view(pointer, count);
    },
  };
}

function sceneOf({ group, shape, of }: Item): Scene {
  if (group === 'batchnorm') {
    return batchNormScene(arena, { ...(of as unknown as BatchNormShape), name: shape });
  }
  if (group === 'groupnorm') return groupNormScene(arena, of as unknown as GroupNormShape);
  if (group === 'layernorm') return layerNormScene(arena, of as unknown as RowsShape);
  if (group === 'localresponsenorm') {
    return localResponseNormScene(
      arena,
      of as unknown as Parameters<typeof localResponseNormScene>[1],
    );
  }
  if (group === 'weightnorm') {
    return weightNormScene(arena, of as unknown as Parameters<typeof weightNormScene>[1]);
  }
  if (group === 'gemm') return gemmScene(arena, of as unknown as GemmShape);
  if (group === 'conv2d') return convScene(arena, of as unknown as ConvShape);
  return group === 'loss' ? lossScene(arena) : activationScene(arena);
}

function optimizer({ work, of }: Item) {
  const { kernels } = arena;
  const n = of.n as number;
  const [w, g] = [arena.floats(n, 1), arena.floats(n, 2)];
  const [m, v] = [arena.floats(n), arena.floats(n)];
  let steps = 0;
  const run =
    work === 'SGD'
      ? () => kernels.sgdStep(w, g, 1e-3, 0, 0, n)
      : () => kernels.adamStep(w, m, v, ABSENT, g, 1e-3, 0.9, 0.999, 1e-8, 0, 0, ++steps, 0, n);
  return {
    run,
    outputs() {
      for (let i = 0; i < 3; i++) run();
      return arena.view(w, n);
    },
  };
}

function step(network: Network) {
  const { step, dispose } = stepper(network);
  drop = dispose;
  return { run: () => void step(), outputs: () => [step(), step(), step()] };
}
