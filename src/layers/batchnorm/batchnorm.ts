import { BatchNorm } from './base.ts';

/**
 * Batch norm of features or of sequences (Ioffe and Szegedy, 2015, arXiv:1502.03167):
 *
 *   y = γ·(x − mean)/√(variance + eps) + β
 *
 * In training, mean and variance are those of the batch, per channel, over its m values (the variance
 * biased), and the running statistics follow: running ← (1 − momentum)·running + momentum·new (the variance
 * unbiased, over m − 1). In evaluation the running statistics are used, and are constants to the gradient.
 *
 * ```ts
 * const bn = new BatchNorm1d(200);
 * bn.forward(x);                           // [N, 200] → [N, 200]
 * ```
 *
 * Shapes: x [N, C] or [N, C, L] (channels last: [N, L, C]); the output has x's. `weight`, `bias`,
 * `running_mean`, `running_var` [C]; `num_batches_tracked`. As PyTorch's `nn.BatchNorm1d`; the options
 * and their defaults are in `BatchNormOptions`.
 *
 * `frozenStatistics = true` normalises with the running statistics in training, too, and does not change
 * them, whatever `train()` says. Use it for fine-tuning on small batches.
 *
 * @throws RangeError for a numFeatures that is no whole number ≥ 1, an eps ≤ 0, a momentum or decay
 *   outside [0, 1]; TypeError for both of these or an unknown runningVariance; in forward RangeError
 *   for another rank or channel count, and for batch statistics of a single value a channel
 */
export class BatchNorm1d extends BatchNorm {
  protected get axes(): string[][] {
    return [[], ['L']];
  }
}

/**
 * Batch norm of images: y = γ·(x − mean)/√(variance + eps) + β, per channel over the batch, height and
 * width. As BatchNorm1d in all else.
 *
 * ```ts
 * new Sequential(new Conv2d(1, 24, 6, { bias: false }), new BatchNorm2d(24), new ReLU());
 * ```
 *
 * Shapes: x [N, C, H, W] (channels last: [N, H, W, C]); the output has x's. As PyTorch's
 * `nn.BatchNorm2d`.
 *
 * @throws as BatchNorm1d
 */
export class BatchNorm2d extends BatchNorm {
  protected get axes(): string[][] {
    return [['H', 'W']];
  }
}

/**
 * Batch norm of volumes: y = γ·(x − mean)/√(variance + eps) + β, per channel over the batch and all
 * three axes of space. As BatchNorm1d in all else.
 *
 * Shapes: x [N, C, D, H, W] (channels last: [N, D, H, W, C]); the output has x's. As PyTorch's
 * `nn.BatchNorm3d`.
 *
 * @throws as BatchNorm1d
 */
export class BatchNorm3d extends BatchNorm {
  protected get axes(): string[][] {
    return [['D', 'H', 'W']];
  }
}
