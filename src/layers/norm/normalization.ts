import { BatchNormShape } from '../../generated/kernels.ts';
import type { Use } from '../../graph/node.ts';
import type { Slot } from '../../graph/slot.ts';
import type { Struct } from '../../memory/struct.ts';
import { Leaf } from '../../module/leaf.ts';
import { kernels } from '../../runtime/engine.ts';
import { checkInteger, unexpected } from '../../tensor/check.ts';
import { optionsOf } from '../../tensor/options.ts';
import { Buffer } from '../../tensor/parameter.ts';
import { type Shape, shapeText, sizeOf } from '../../tensor/shape.ts';
import { Tensor } from '../../tensor/tensor.ts';
import { batchNormScratch, kernelShape } from '../batchnorm/part.ts';

export interface NormalizationOptions {
  /** Whether it undoes what the scaler does: for outputs trained on scaled targets. Default false. */
  invert?: boolean;
  /** Whether features are the last axis rather than axis 1. Default false. */
  channelsLast?: boolean;
}

/** A fitted scaler of `evenkeel/data`, which computes y = (x − shift)·factor + offset. */
export interface FeatureMap {
  affine(): Record<'shift' | 'factor' | 'offset', ArrayLike<number>>;
}

/** What a use of the layer keeps: its sizes, and what its forward saves for its backward. */
interface Memo {
  readonly shape: Struct<BatchNormShape, 'BatchNormShape'>;
  /** shift, scale and offset as the kernels of batch norm take them: [3, F]. */
  readonly coefficients: Slot<'Coefficients'>;
}

/**
 * A scaler as a layer of the model, so that the model takes raw inputs:
 *
 *   y = (x − shift)·scale + offset
 *
 * with one shift, scale and offset a feature or channel. They are not trained; training and evaluation are
 * the same.
 *
 * ```ts
 * const scaler = new StandardScaler().fit(table);
 * const model = new Sequential(new Normalization(scaler), new Linear(13, 3));
 * ```
 *
 * `new Normalization(features)` starts as the identity, for a state dict to come; `set(scaler)` changes to
 * another scaler. With `{ invert: true }` the layer undoes the scaler: after a network trained on scaled
 * targets, it returns predictions in the original unit.
 *
 * Shapes: x [N, F] or [N, C, …] (channels last: [N, …, C]); the output has x's. `shift`, `scale`,
 * `offset` [F] in the state dict. As Keras' `Normalization`.
 *
 * @throws RangeError for features that are no whole number ≥ 1, for a scaler of another width, and in
 *   forward for an input of other features; Error for a scaler without statistics or one that clips
 */
export class Normalization extends Leaf<Memo> {
  readonly numFeatures: number;
  readonly invert: boolean;
  readonly channelsLast: boolean;
  readonly shift: Buffer;
  readonly scale: Buffer;
  readonly offset: Buffer;

  /** @param features a fitted scaler, or how many features there will be */
  constructor(
    features: number | FeatureMap,
    ...rest: [options?: NormalizationOptions | undefined]
  ) {
    super();
    const table = { invert: false, channelsLast: false };
    const { invert, channelsLast } = optionsOf('Normalization', rest, table);
    const width = typeof features === 'number' ? features : affineOf(features).shift.length;
    checkInteger('Normalization', 'features', width);
    this.numFeatures = width;
    this.invert = invert;
    this.channelsLast = channelsLast;
    this.shift = new Buffer(Tensor.zeros([width]));
    this.scale = new Buffer(Tensor.from(new Float32Array(width).fill(1)));
    this.offset = new Buffer(Tensor.zeros([width]));
    if (typeof features !== 'number') this.set(features);
    this.settle();
  }

  /** Does from now on what `scaler` does, or undoes it. */
  set(scaler: FeatureMap): this {
    const { shift, factor, offset } = affineOf(scaler);
    const { numFeatures, invert } = this;
    if (shift.length !== numFeatures) {
      throw new RangeError(
        `${this}: scaler expected with ${numFeatures} features, got ${shift.length}`,
      );
    }
    const values = { shift: [], scale: [], offset: [] } as Record<string, number[]>;
    for (let f = 0; f < numFeatures; f++) {
      const from = invert ? offset[f]! : shift[f]!;
      const by = invert ? 1 / factor[f]! : factor[f]!;
      // The rounding error of the shift in float32 is added to the offset, which is near 0.
      const near = Math.fround(from);
      values.shift!.push(near);
      values.scale!.push(by);
      values.offset!.push((invert ? shift[f]! : offset[f]!) - (from - near) * by);
    }
    const shape = [numFeatures];
    this.shift.assign({ data: values.shift!, shape });
    this.scale.assign({ data: values.scale!, shape });
    this.offset.assign({ data: values.offset!, shape });
    return this;
  }

  connect(use: Use<Memo>, shape: Shape): Shape {
    const { numFeatures: c, channelsLast } = this;
    const axis = channelsLast ? shape.length - 1 : 1;
    if (shape.length < 2 || shape[axis] !== c) {
      const expected = channelsLast ? `[N, …, ${c}]` : `[N, ${c}, …]`;
      throw new RangeError(`${this}: input expected ${expected}, got ${shapeText(shape)}`);
    }
    const positions = sizeOf(shape) / c;
    const sizes = kernelShape(positions, positions / shape[0]!, c, channelsLast);
    use.memo = { shape: use.struct(BatchNormShape, sizes), coefficients: use.save([3, c]) };
    use.reserveScratch(batchNormScratch(sizes));
    use.keeps({});
    use.mayOverwriteInput();
    use.mayOverwriteGradient();
    return shape;
  }

  /** y = (x − shift)·scale + offset: batch norm's pass over the elements. */
  run(use: Use<Memo>): void {
    const { numFeatures: c } = this;
    const { shape, coefficients } = use.memo;
    for (const [i, buffer] of [this.shift, this.scale, this.offset].entries()) {
      coefficients.f32.set(buffer.data.view(), i * c);
    }
    const { n } = shape.values;
    const { y, x, scratch } = use;
    kernels().batchNormForward(y, coefficients.ptr, x, shape.ptr, 0, 0, n, scratch);
  }

  /** dx = dy·scale: batch norm's with frozen statistics. */
  runBackward(use: Use<Memo>): void {
    const { shape, coefficients } = use.memo;
    const { n } = shape.values;
    const { dx, dy, scratch } = use;
    if (!dx) return;
    kernels().batchNormFrozenBackward(dx, coefficients.ptr, dy, dy, shape.ptr, 0, 0, n, scratch);
  }

  override toString(): string {
    return `Normalization(${this.numFeatures})`;
  }
}

/** @throws TypeError if `scaler` is not one */
function affineOf(scaler: FeatureMap): ReturnType<FeatureMap['affine']> {
  if (typeof scaler?.affine === 'function') return scaler.affine();
  throw unexpected('Normalization:', 'a fitted scaler', scaler);
}
