/** A random loss beside its float64 reference. */
import { BCEWithLogitsLoss, CrossEntropyLoss, HuberLoss, MSELoss } from '../../src/index.ts';
import * as losses from '../reference/losses.ts';
import type { TestRandom } from '../support/random.ts';
import { between, chance, pick } from './choices.ts';
import { sizeOf } from './interpreter/run.ts';
import type { Shape } from './random-layer.ts';

/** A loss, a target, and what they should give. */
export function randomLoss(random: TestRandom, shape: Shape, x: Float32Array) {
  const size = sizeOf(shape);
  const mean = chance(random, 0.7);
  const options = { reduction: mean ? ('mean' as const) : ('sum' as const) };
  const scaled = ({ loss, gradient }: losses.LossResult, by: number): losses.LossResult => ({
    loss: loss / by,
    gradient: gradient.map((v) => v / by),
  });
  const kind = between(random, 0, shape.length > 1 && shape[1]! > 1 ? 3 : 2);
  if (kind === 3) {
    const dims = [shape[0]!, shape[1]!, size / (shape[0]! * shape[1]!)] as const;
    const target = Array.from({ length: dims[0] * dims[2] }, () => random.integer(dims[1]));
    const smoothing = pick(random, [0, 0.1]);
    const { weightSum, ...sum } = losses.crossEntropy(x, target, dims, { smoothing });
    const loss = new CrossEntropyLoss({ ...options, labelSmoothing: smoothing });
    return { loss, target, expected: scaled(sum, mean ? weightSum : 1) };
  }
  const target = kind === 2 ? random.uniforms(size) : random.normals(size);
  const Loss = [MSELoss, HuberLoss, BCEWithLogitsLoss][kind]!;
  const term = [losses.mse, losses.huber(1), losses.bceWithLogits()][kind]!;
  const expected = scaled(losses.elementwise(x, target, term), mean ? size : 1);
  return { loss: new Loss(options), target, expected };
}
