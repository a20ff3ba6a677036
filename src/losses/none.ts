/** What the reduction 'none' needs: the terms of a loss by themselves, and the gradient of their weighted sum. */
import type { Numbers } from '../tensor/numbers.ts';
import { type Shape, sameShape, shapeText, sizeOf } from '../tensor/shape.ts';
import { Tensor } from '../tensor/tensor.ts';
import { readTarget, type TargetData } from './target.ts';

/** The terms as a Tensor of this shape. */
export function termsOf(shape: Shape, term: (i: number) => number): Tensor {
  return Tensor.from(
    Float32Array.from({ length: sizeOf(shape) }, (_, i) => term(i)),
    shape,
  );
}

/**
 * Weights, one for each term.
 *
 * @throws RangeError unless they have the terms' shape, or are flat and as many
 */
export function weightsOf(who: string, given: TargetData, shape: Shape): Numbers {
  const { reading, flat } = readTarget(who, given, undefined, 'weights');
  const own = reading.shape;
  if (flat ? own[0] === sizeOf(shape) : sameShape(own, shape)) return reading.values;
  const got = flat ? `${own[0]} numbers` : shapeText(own);
  throw new RangeError(`${who}: weights expected ${shapeText(shape)}, as the terms, got ${got}`);
}

/**
 * Multiplies the gradient [n, c, inner] by the weights [n, inner] of the terms that it is of, where the sizes are
 * those of a prediction [n, c, d…]; with as many terms as elements c is 1.
 */
export function weighTerms(gradient: Float32Array, weights: Numbers, shape: Shape): void {
  const c = gradient.length / weights.length;
  const inner = sizeOf(shape.slice(2));
  for (let i = 0; i < gradient.length; i++) {
    gradient[i]! *= weights[Math.floor(i / (c * inner)) * inner + (i % inner)]!;
  }
}
