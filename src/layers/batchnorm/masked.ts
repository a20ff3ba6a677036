import { BatchNorm1d, BatchNorm2d, BatchNorm3d } from './batchnorm.ts';
import { MASKING, type Masking } from './masking.ts';

/**
 * BatchNorm1d with a mask of the positions that count, for example to leave out the padding of sequences:
 * `bn.forward([x, mask])`. Statistics, running statistics, outputs and gradients are those of a batch that
 * consists of the positions where the mask is 1. Where it is 0, y and dx are 0, and x may be anything, NaN
 * included.
 *
 * ```ts
 * class Encoder extends Module {
 *   linear = new Linear(16, 32, { bias: false });
 *   bn = new MaskedBatchNorm1d(32, { channelsLast: true });
 *   override forward([x, mask]: [Input, Input]): Tensor {
 *     return this.bn.forward([this.linear.forward(x), mask]);
 *   }
 * }
 * ```
 *
 * Shapes: x [N, C] and mask [N], or x [N, C, L] (channels last: [N, L, C]) and mask [N, L]; the output has
 * x's. The mask holds 0 and 1, and its gradient is 0. Options and state are BatchNorm1d's. A ReLU after it
 * does not become its epilogue.
 *
 * @throws as BatchNorm1d; in forward RangeError for a mask of another shape or other numbers, and in
 *   training for one that leaves fewer than two positions. A mask that the model itself computes is
 *   checked during the step, once it has been computed.
 */
export class MaskedBatchNorm1d extends BatchNorm1d {
  protected override get masking(): Masking {
    return MASKING;
  }
}

/** As MaskedBatchNorm1d, of images: x [N, C, H, W] (channels last: [N, H, W, C]) and mask [N, H, W]. */
export class MaskedBatchNorm2d extends BatchNorm2d {
  protected override get masking(): Masking {
    return MASKING;
  }
}

/**
 * As MaskedBatchNorm1d, of volumes: x [N, C, D, H, W] (channels last: [N, D, H, W, C]) and mask
 * [N, D, H, W].
 */
export class MaskedBatchNorm3d extends BatchNorm3d {
  protected override get masking(): Masking {
    return MASKING;
  }
}
