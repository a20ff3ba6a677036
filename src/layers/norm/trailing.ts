import { Leaf } from '../../module/leaf.ts';
import { checkEps, checkInteger, unexpected } from '../../tensor/check.ts';
import { Parameter } from '../../tensor/parameter.ts';
import { type Shape, shapeText, sizeOf } from '../../tensor/shape.ts';
import { Tensor } from '../../tensor/tensor.ts';

/**
 * The base of LayerNorm and RMSNorm: a layer that normalizes the last axes of each sample,
 * `normalizedShape`.
 */
export abstract class TrailingNorm<Memo> extends Leaf<Memo> {
  readonly normalizedShape: Shape;
  readonly eps: number;
  /** γ, [...normalizedShape]. */
  readonly weight: Parameter | undefined;
  /** How many numbers a row has. */
  protected readonly size: number;

  /** @param normalizedShape the last axis, or several */
  constructor(normalizedShape: number | Shape, eps: number, elementwiseAffine: boolean) {
    super();
    this.normalizedShape = trailingShape(this.constructor.name, normalizedShape);
    checkEps(`${this}`, eps);
    this.eps = eps;
    this.size = sizeOf(this.normalizedShape);
    const ones = Tensor.from(new Float32Array(this.size).fill(1), this.normalizedShape);
    this.weight = elementwiseAffine ? new Parameter(ones) : undefined;
  }

  /**
   * How many rows an input has.
   *
   * @throws RangeError if its last axes are not the layer's
   */
  protected rowsOf(shape: Shape): number {
    const { normalizedShape: expected } = this;
    const skip = shape.length - expected.length;
    if (skip < 0 || expected.some((extent, i) => extent !== shape[skip + i])) {
      throw new RangeError(
        `${this}: input expected [N, …, ${expected.join(', ')}], got ${shapeText(shape)}`,
      );
    }
    return sizeOf(shape) / this.size;
  }

  override toString(): string {
    const { normalizedShape: shape } = this;
    return `${this.constructor.name}(${shape.length === 1 ? shape[0] : shapeText(shape)})`;
  }
}

/** The last axes of a shape, given as one number or several. */
function trailingShape(who: string, value: number | Shape): Shape {
  if (Array.isArray(value)) {
    if (value.length === 0) {
      throw new RangeError(`${who}: normalizedShape expected one extent or more, got []`);
    }
    for (const extent of value) checkInteger(who, 'normalizedShape', extent);
    return [...value];
  }
  if (typeof value !== 'number') {
    throw unexpected(`${who}: normalizedShape`, 'a number or a shape such as [16, 8, 8]', value);
  }
  checkInteger(who, 'normalizedShape', value);
  return [value];
}
