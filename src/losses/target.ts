import { describe } from '../tensor/check.ts';
import { type Shape, sameShape, shapeText, sizeOf } from '../tensor/shape.ts';
import { type Input, inputShape, inputValues, Tensor } from '../tensor/tensor.ts';

/** The numbers that losses take: a Tensor, `{ data, shape }`, a typed or plain array, or nested arrays. */
export type TargetData = Input | ArrayLike<number> | readonly (readonly unknown[])[];

/** The numbers of a target, and its shape unless it is a flat array. */
export interface TargetValues {
  readonly values: ArrayLike<number>;
  readonly shape: Shape | undefined;
}

/** @throws TypeError if `target` does not hold numbers */
export function targetValues(who: string, target: TargetData): TargetValues {
  if (typeof target !== 'object' || target === null) {
    throw new TypeError(`${who}: target expected an array or a Tensor, got ${describe(target)}`);
  }
  if (target instanceof Tensor || 'shape' in target) {
    return { shape: inputShape(`${who}: target`, target), values: inputValues(target) };
  }
  if (Array.isArray(target) && typeof target[0] === 'object') {
    const tensor = Tensor.from(target);
    return { shape: tensor.shape, values: tensor.view() };
  }
  if (typeof (target as ArrayLike<number>).length !== 'number') {
    throw new TypeError(`${who}: target expected an array or a Tensor, got ${describe(target)}`);
  }
  return { shape: undefined, values: target as ArrayLike<number> };
}

/** @throws RangeError unless the target has the prediction's shape or, if it is flat, its size */
export function sameShapedTarget(who: string, shape: Shape, target: TargetData): ArrayLike<number> {
  const found = targetValues(who, target);
  if (found.shape ? !sameShape(found.shape, shape) : found.values.length !== sizeOf(shape)) {
    const got = found.shape ? shapeText(found.shape) : `${found.values.length} numbers`;
    throw new RangeError(
      `${who}: target expected ${shapeText(shape)}, as the prediction, got ${got}`,
    );
  }
  return found.values;
}

/** @throws RangeError unless `reduction` is one of `known` */
export function checkReduction<R extends string>(
  who: string,
  reduction: R,
  known: readonly R[],
): R {
  if (known.includes(reduction)) return reduction;
  const names = known.map((name) => `'${name}'`).join(' or ');
  throw new RangeError(`${who}: reduction expected ${names}, got ${describe(reduction)}`);
}
