import { BatchNorm1d, BatchNorm2d, BatchNorm3d } from './batchnorm.ts';
import { MASKING, type Masking } from './masking.ts';

/**
 * BatchNorm1d of which some positions do not count, such as the padding of sequences:
 * `bn.forward([x, mask])`. Where the mask is 1, all is as in a batch that consists of these positions
 * alone: statistics, running statistics, gradients. Where it is 0, y and dx are 0, and x may be
 * anything, NaN included.
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
 * x's. The mask holds 0 and 1, and gets no gradient (0). Options and state are BatchNorm1d's; it absorbs no
 * ReLU.
 *
 * @throws as BatchNorm1d; in forward RangeError for a mask of another shape or other numbers, and in
 *   training for one that leaves fewer than two positions. What the model itself makes a mask of is
 *   looked at when it is there, in the middle of the step.
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

/** As MaskedBatchNorm1d, of volumes: x [N, C, D, H, W] (channels last: [N, D, H, W, C]), mask [N, D, H, W]. */
export class MaskedBatchNorm3d extends BatchNorm3d {
  protected override get masking(): Masking {
    return MASKING;
  }
}
