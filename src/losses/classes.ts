/** What losses with classes as targets check. */
import type { Numbers } from '../tensor/numbers.ts';
import { type Shape, shapeText, sizeOf } from '../tensor/shape.ts';

/** All axes of a prediction but its classes. */
export function positionsOf(shape: Shape): number {
  return sizeOf(shape) / shape[1]!;
}

/** @throws RangeError unless there is one weight for each class */
export function checkClassWeights(
  who: string,
  weight: Float32Array | undefined,
  shape: Shape,
): void {
  if (!weight || weight.length === shape[1]) return;
  throw new RangeError(
    `${who}: prediction has ${shape[1]} classes, weight has ${weight.length}: ${shapeText(shape)}`,
  );
}

/** @throws RangeError for a label that is neither a class nor `ignoreIndex` */
export function checkLabels(
  who: string,
  labels: Numbers,
  length: number,
  classes: number,
  ignoreIndex: number,
): void {
  for (let i = 0; i < length; i++) {
    const label = labels[i]!;
    if (Number.isInteger(label) && label >= 0 && label < classes) continue;
    if (label === ignoreIndex) continue;
    throw new RangeError(
      `${who}: target[${i}] expected a class from 0 to ${classes - 1} ` +
        `(or ignoreIndex ${ignoreIndex}), got ${label}`,
    );
  }
}
