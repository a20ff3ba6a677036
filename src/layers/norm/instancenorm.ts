import type { Use } from '../../graph/node.ts';
import type { Slot } from '../../graph/slot.ts';
import { NULL, offset } from '../../memory/memory.ts';
import { Leaf } from '../../module/leaf.ts';
import { kernels } from '../../runtime/engine.ts';
import { extra } from '../../runtime/extra.ts';
import {
  checkEps,
  checkInteger,
  checkNumber,
  type Shape,
  shapeText,
  sizeOf,
} from '../../tensor/check.ts';
import { Buffer, Counter, Parameter } from '../../tensor/parameter.ts';
import { Tensor } from '../../tensor/tensor.ts';

export interface InstanceNormOptions {
  /** Added to the variance under the root. Default 1e-5. */
  eps?: number;
  /** Weight of the new value in the running statistics, from 0 to 1. Default 0.1. */
  momentum?: number;
  /** Whether γ (`weight`) and β (`bias`) are learnt. Default false. */
  affine?: boolean;
  /**
   * Whether running statistics are kept, and used in evaluation. Default false: every instance is
   * normalised by its own statistics, in evaluation too.
   */
  trackRunningStats?: boolean;
}

/** What a use of the layer knows of its sizes, and keeps from its forward for its backward. */
interface Memo {
  readonly n: number;
  /** Values a channel and sample. */
  readonly s: number;
  /** [n, c], or with running statistics the first [c]. */
  readonly shift: Slot;
  readonly delta: Slot;
  readonly invStd: Slot;
  /** With running statistics: a and b of y = (x − K)·a + b, [c]. */
  readonly scale: Slot;
  readonly offset: Slot;
  /** Whether the last forward used the instances' own statistics. */
  own: boolean;
}

/** What the three layers share; they differ in the axes they take. */
abstract class InstanceNorm extends Leaf {
  /** γ, [numFeatures]. */
  readonly weight: Parameter | undefined;
  /** β, [numFeatures]. */
  readonly bias: Parameter | undefined;
  readonly runningMean: Buffer | undefined;
  readonly runningVar: Buffer | undefined;
  /** Stays 0, as PyTorch's: there for its place in the state dict. */
  readonly numBatchesTracked: Counter | undefined;
  readonly eps: number;
  readonly momentum: number;

  /** Names of the axes behind N and C. */
  protected abstract get axes(): string[];

  constructor(
    /** Number of channels, C. */
    readonly numFeatures: number,
    options: InstanceNormOptions = {},
  ) {
    super();
    const { eps = 1e-5, momentum = 0.1, affine = false, trackRunningStats = false } = options;
    checkInteger(this.constructor.name, 'numFeatures', numFeatures);
    checkEps(`${this}`, eps);
    checkNumber(`${this}`, 'momentum', momentum, 0, 1);
    this.eps = eps;
    this.momentum = momentum;
    const ones = Tensor.from(new Float32Array(numFeatures).fill(1), [numFeatures]);
    const zeros = Tensor.zeros([numFeatures]);
    this.weight = affine ? new Parameter(ones) : undefined;
    this.bias = affine ? new Parameter(zeros) : undefined;
    this.runningMean = trackRunningStats ? new Buffer(zeros) : undefined;
    this.runningVar = trackRunningStats ? new Buffer(ones) : undefined;
    this.numBatchesTracked = trackRunningStats ? new Counter() : undefined;
  }

  /** Starts the running statistics over: mean 0, variance 1. */
  resetRunningStats(): void {
    this.runningMean?.data.view().fill(0);
    this.runningVar?.data.view().fill(1);
  }

  connect(use: Use, shape: Shape): Shape {
    const { numFeatures: c, axes } = this;
    if (shape.length !== axes.length + 2 || shape[1] !== c) {
      throw new RangeError(
        `${this}: input expected [N, ${c}, ${axes.join(', ')}], got ${shapeText(shape)}`,
      );
    }
    const n = shape[0]!;
    const s = sizeOf(shape) / (n * c);
    use.memo = {
      n,
      s,
      shift: use.save([n * c]),
      delta: use.save([n * c]),
      invStd: use.save([n * c]),
      scale: use.save([c]),
      offset: use.save([c]),
      own: true,
    } satisfies Memo;
    // Forward: the variances [n, c] and three averages [c]. Backward: sums [n, 2, c] and a plane; or with
    // running statistics float64 totals [2, C].
    use.reserveScratch(4 * Math.max(n * c + 3 * c, 2 * n * c + s, 4 * (c + 15)));
    use.keeps({ input: true });
    use.mayOverwriteInput();
    use.mayOverwriteGradient();
    return shape;
  }

  override verify(use: Use, training: boolean): void {
    const { s } = use.memo as Memo;
    if (s > 1 || !this.usesOwn(training)) return;
    throw new RangeError(
      `${this}: statistics expected more than one value a channel and sample, got 1 in ` +
        `${shapeText(use.inputs[0]!.shape)}: use a larger input${this.runningMean ? ', or eval() or predict()' : ''}`,
    );
  }

  run(use: Use): void {
    const { numFeatures: c, eps, runningMean, runningVar } = this;
    const memo = use.memo as Memo;
    const { n, s } = memo;
    const { x, y } = use;
    const saved = [memo.shift.ptr, memo.delta.ptr, memo.invStd.ptr] as const;
    const affine = [this.weight?.ptr ?? NULL, this.bias?.ptr ?? NULL] as const;
    memo.own = this.usesOwn(use.training);
    if (memo.own) {
      const tracks = use.training && runningMean;
      const variances = tracks ? use.scratch : NULL;
      extra().groupNormForward(y, ...saved, variances, x, ...affine, c, s, c, eps, 0, n * c);
      if (tracks) this.track(use);
      return;
    }
    const [shift, delta, invStd] = saved;
    const map = [memo.scale.ptr, memo.offset.ptr] as const;
    kernels().batchNormRunning(...saved, runningMean!.ptr, runningVar!.ptr, eps, 0, c);
    kernels().batchNormAffine(...map, delta, invStd, ...affine, 0, c);
    kernels().batchNormForwardPlanes(y, shift, ...map, x, n, c, s, 0, 0, c);
  }

  /** dγ += Σ dy·x̂ and dβ += Σ dy of each channel; dx with the statistics' own share where they were the instances'. */
  runBackward(use: Use): void {
    const { numFeatures: c, weight } = this;
    const memo = use.memo as Memo;
    const { n, s } = memo;
    const { dx, dy, x, scratch } = use;
    const saved = [memo.shift.ptr, memo.delta.ptr, memo.invStd.ptr] as const;
    const dWeight = use.gradient(weight);
    const dBias = use.gradient(this.bias);
    const k = kernels();
    if (memo.own) {
      const inputs = [dy, x, weight?.ptr ?? NULL, c, s, c] as const;
      const apart = offset(scratch, 2 * c * n);
      const { groupNormBackward, sumChunks } = extra();
      groupNormBackward(dx, scratch, ...saved, ...inputs, 0, n * c, apart);
      if (dWeight) sumChunks(dWeight, scratch, n, 2 * c, 0, c);
      if (dBias) sumChunks(dBias, offset(scratch, c), n, 2 * c, 0, c);
      return;
    }
    // Constant statistics: batch norm's gradient in evaluation.
    const [shift, delta, invStd] = saved;
    const map = [shift, memo.scale.ptr, memo.offset.ptr] as const;
    if (dWeight || dBias) {
      k.batchNormBackwardSumsPlanes(scratch, ...map, dy, x, n, c, s, 0, 0, c);
      const outputs = [dWeight, dBias, NULL, NULL] as const;
      k.batchNormAffineBackward(...outputs, scratch, delta, invStd, memo.scale.ptr, c, n * s, 0, c);
    }
    if (dx) k.batchNormBackwardPlanes(dx, ...map, NULL, NULL, dy, x, n, c, s, 0, 0, c);
  }

  override toString(): string {
    return `${this.constructor.name}(${this.numFeatures})`;
  }

  private usesOwn(training: boolean): boolean {
    return training || !this.runningMean;
  }

  /** Takes the instances' statistics, averaged over the batch, into the running ones. */
  private track(use: Use): void {
    const c = this.numFeatures;
    const { n, s, shift, delta } = use.memo as Memo;
    const variances = use.scratch;
    const mean = offset(variances, n * c);
    const averages = [mean, offset(mean, c), offset(mean, 2 * c)] as const;
    const k = kernels();
    extra().instanceNormAverages(...averages, shift.ptr, delta.ptr, variances, n, c, 0, c);
    const running = [this.runningMean!.ptr, this.runningVar!.ptr] as const;
    k.batchNormUpdateRunning(...running, ...averages, s / (s - 1), this.momentum, 0, c);
  }
}

/**
 * Instance norm of sequences (Ulyanov, Vedaldi and Lempitsky, 2016, arXiv:1607.08022):
 *
 *   y = γ·(x − mean)/√(variance + eps) + β
 *
 * with the mean and variance (biased) of each sample's each channel, over its positions: group norm with
 * groups of one channel. With `trackRunningStats` running averages of them (of the unbiased variance) are
 * kept as batch norm's, and used in evaluation.
 *
 * ```ts
 * const norm = new InstanceNorm1d(16, { affine: true });
 * norm.forward(x);                         // [N, 16, L] → [N, 16, L]
 * ```
 *
 * Shapes: x [N, C, L]; the output has x's. `weight`, `bias`, `running_mean`, `running_var` [C];
 * `num_batches_tracked`, which stays 0. As PyTorch's `nn.InstanceNorm1d`; the options and their defaults
 * stand in `InstanceNormOptions`.
 *
 * @throws RangeError for a numFeatures that is no whole number ≥ 1, an eps ≤ 0, a momentum outside [0, 1];
 *   in forward for another rank or channel count, and for a single value a channel and sample where the
 *   instances' own statistics are used
 */
export class InstanceNorm1d extends InstanceNorm {
  protected get axes(): string[] {
    return ['L'];
  }
}

/**
 * Instance norm of images: y = γ·(x − mean)/√(variance + eps) + β, per sample and channel over height and
 * width. As InstanceNorm1d in all else.
 *
 * Shapes: x [N, C, H, W]; the output has x's. As PyTorch's `nn.InstanceNorm2d`.
 *
 * @throws as InstanceNorm1d
 */
export class InstanceNorm2d extends InstanceNorm {
  protected get axes(): string[] {
    return ['H', 'W'];
  }
}

/**
 * Instance norm of volumes: y = γ·(x − mean)/√(variance + eps) + β, per sample and channel over all three
 * axes of space. As InstanceNorm1d in all else.
 *
 * Shapes: x [N, C, D, H, W]; the output has x's. As PyTorch's `nn.InstanceNorm3d`.
 *
 * @throws as InstanceNorm1d
 */
export class InstanceNorm3d extends InstanceNorm {
  protected get axes(): string[] {
    return ['D', 'H', 'W'];
  }
}
