import type { Value } from '../graph/node.ts';
import { ELU } from '../layers/activation/elu.ts';
import { GELU } from '../layers/activation/gelu.ts';
import { PReLU } from '../layers/activation/prelu.ts';
import { LeakyReLU, ReLU, ReLU6 } from '../layers/activation/relu.ts';
import { Sigmoid, SiLU } from '../layers/activation/sigmoid.ts';
import { Tanh } from '../layers/activation/tanh.ts';
import { BatchNorm } from '../layers/batchnorm/base.ts';
import { Linear } from '../layers/linear.ts';
import { Normalization } from '../layers/norm/normalization.ts';
import type { Shape } from '../tensor/shape.ts';

/** ReLU and its family: what is not positive is off, or nearly so. */
export function isRectifier(layer: object): boolean {
  return [ReLU, ReLU6, LeakyReLU, PReLU, ELU, GELU, SiLU].some((Kind) => layer instanceof Kind);
}

/**
 * The outputs of a saturating activation beyond which its slope is less than a tenth of the steepest:
 * 1 − y² < 0.1 for tanh, 4·y·(1 − y) < 0.1 for the sigmoid.
 */
export function saturationOf(layer: object): readonly [low: number, high: number] | undefined {
  const edge = Math.sqrt(0.9);
  if (layer instanceof Tanh) return [-edge, edge];
  if (layer instanceof Sigmoid) return [(1 - edge) / 2, (1 + edge) / 2];
  return undefined;
}

/** The axis of a tensor that its units (features or channels) are on. */
export function unitAxis({ shape, producer }: Value): number {
  const { leaf } = producer ?? {};
  const last = shape.length - 1;
  if (leaf instanceof Linear) return last;
  if (leaf instanceof BatchNorm || leaf instanceof Normalization) {
    return leaf.channelsLast ? last : Math.min(1, last);
  }
  const before = producer?.inputs[0];
  if (before && sameExtents(before.shape, shape)) return unitAxis(before);
  return Math.min(1, last);
}

function sameExtents(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((extent, i) => extent === b[i]);
}
