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
import { PlaneNorm } from './planes.ts';

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
  /** The arithmetic with the instances' own statistics: group norm with one channel a group. */
  readonly planes: PlaneNorm;
  /** With `trackRunningStats`: what the arithmetic with the running statistics keeps. */
  readonly running: Running | undefined;
  /** Whether the last forward used the instances' own statistics. */
  own: boolean;
}

/** y = (x − K)·a + b with a = γ·r and b = β − δ·a, all of [c]. */
interface Running {
  readonly shift: Slot;
  readonly delta: Slot;
  readonly invStd: Slot;
  readonly scale: Slot;
  readonly offset: Slot;
}

/** What the three layers share. They differ only in the axes that they take. */
abstract class InstanceNorm extends Leaf<Memo> {
  /** γ, [numFeatures]. */
  readonly weight: Parameter | undefined;
  /** β, [numFeatures]. */
  readonly bias: Parameter | undefined;
  readonly runningMean: Buffer | undefined;
  readonly runningVar: Buffer | undefined;
  /** Stays 0, as in PyTorch: it exists for its key in the state dict. */
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

  /** Resets the running statistics to mean 0 and variance 1. */
  resetRunningStats(): void {
    this.runningMean?.data.view().fill(0);
    this.runningVar?.data.view().fill(1);
  }

  connect(use: Use<Memo>, shape: Shape): Shape {
    const { numFeatures: c, axes, eps } = this;
    if (shape.length !== axes.length + 2 || shape[1] !== c) {
      throw new RangeError(
        `${this}: input expected [N, ${c}, ${axes.join(', ')}], got ${shapeText(shape)}`,
      );
    }
    const n = shape[0]!;
    const s = sizeOf(shape) / (n * c);
    const sizes = { samples: n, channels: c, plane: s, groups: c, eps };
    const planes = new PlaneNorm(use, this, sizes);
    use.memo = { planes, running: this.runningMean && this.reserve(use), own: true };
    use.keeps({ input: true });
    use.mayOverwriteInput();
    use.mayOverwriteGradient();
    return shape;
  }

  override verify(use: Use<Memo>, training: boolean): void {
    const { plane } = use.memo.planes.shape.values;
    if (plane > 1 || !this.usesOwn(training)) return;
    throw new RangeError(
      `${this}: statistics expected more than one value a channel and sample, got 1 in ` +
        `${shapeText(use.inputs[0]!.shape)}: use a larger input${this.runningMean ? ', or eval() or predict()' : ''}`,
    );
  }

  run(use: Use<Memo>): void {
    const { memo } = use;
    memo.own = this.usesOwn(use.training);
    if (!memo.own) {
      this.runWithRunning(use, memo.running!);
      return;
    }
    memo.planes.run(use);
    if (use.training && this.runningMean) this.track(use);
  }

  runBackward(use: Use<Memo>): void {
    const { own, planes, running } = use.memo;
    if (own) planes.runBackward(use);
    else this.runBackwardWithRunning(use, running!);
  }

  override toString(): string {
    return `${this.constructor.name}(${this.numFeatures})`;
  }

  private usesOwn(training: boolean): boolean {
    return training || !this.runningMean;
  }

  // --- running statistics ---

  private reserve(use: Use): Running {
    const c = this.numFeatures;
    // Forward: three averages [c]. Backward: float64 totals [2, C].
    use.reserveScratch(4 * Math.max(3 * c, 4 * (c + 15)));
    return {
      shift: use.save([c]),
      delta: use.save([c]),
      invStd: use.save([c]),
      scale: use.save([c]),
      offset: use.save([c]),
    };
  }

  /** Moves the running statistics towards the instances', averaged over the batch. */
  private track(use: Use<Memo>): void {
    const { planes } = use.memo;
    const { samples: n, channels: c, plane: s } = planes.shape.values;
    const { scratch } = use;
    extra().instanceNormAverages(scratch, planes.statistics.ptr, n, c, 0, c);
    const averages = [scratch, offset(scratch, c), offset(scratch, 2 * c)] as const;
    const running = [this.runningMean!.ptr, this.runningVar!.ptr] as const;
    const { batchNormUpdateRunning } = kernels();
    batchNormUpdateRunning(...running, ...averages, s / (s - 1), this.momentum, 0, c);
  }

  /** Batch norm's forward in evaluation. */
  private runWithRunning(use: Use<Memo>, memo: Running): void {
    const { numFeatures: c, eps, runningMean, runningVar } = this;
    const { samples: n, plane: s } = use.memo.planes.shape.values;
    const [shift, delta, invStd] = [memo.shift.ptr, memo.delta.ptr, memo.invStd.ptr];
    const map = [memo.scale.ptr, memo.offset.ptr] as const;
    const affine = [this.weight?.ptr ?? NULL, this.bias?.ptr ?? NULL] as const;
    const k = kernels();
    k.batchNormRunning(shift, delta, invStd, runningMean!.ptr, runningVar!.ptr, eps, 0, c);
    k.batchNormAffine(...map, delta, invStd, ...affine, 0, c);
    k.batchNormForwardPlanes(use.y, shift, ...map, use.x, n, c, s, 0, 0, c);
  }

  /** Batch norm's backward in evaluation, where the statistics are constants. */
  private runBackwardWithRunning(use: Use<Memo>, memo: Running): void {
    const { numFeatures: c } = this;
    const { samples: n, plane: s } = use.memo.planes.shape.values;
    const { dx, dy, x, scratch } = use;
    const [shift, delta, invStd] = [memo.shift.ptr, memo.delta.ptr, memo.invStd.ptr];
    const map = [shift, memo.scale.ptr, memo.offset.ptr] as const;
    const dWeight = use.gradient(this.weight);
    const dBias = use.gradient(this.bias);
    const k = kernels();
    if (dWeight || dBias) {
      k.batchNormBackwardSumsPlanes(scratch, ...map, dy, x, n, c, s, 0, 0, c);
      const outputs = [dWeight, dBias, NULL, NULL] as const;
      k.batchNormAffineBackward(...outputs, scratch, delta, invStd, memo.scale.ptr, c, n * s, 0, c);
    }
    if (dx) k.batchNormBackwardPlanes(dx, ...map, NULL, NULL, dy, x, n, c, s, 0, 0, c);
  }
}

/**
 * Instance norm of sequences (Ulyanov, Vedaldi and Lempitsky, 2016, arXiv:1607.08022):
 *
 *   y = γ·(x − mean)/√(variance + eps) + β
 *
 * with the mean and the biased variance of each channel of each sample, over its positions: group norm with
 * one channel a group. With `trackRunningStats`, running statistics (with the unbiased variance) are kept as
 * in batch norm, and used in evaluation.
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
 * @throws RangeError for a numFeatures that is not a whole number ≥ 1, an eps ≤ 0, a momentum outside [0, 1];
 *   in forward for another rank or number of channels, and for a single value a channel and sample if the
 *   instances' own statistics are used
 */
export class InstanceNorm1d extends InstanceNorm {
  protected get axes(): string[] {
    return ['L'];
  }
}

/**
 * Instance norm of images: y = γ·(x − mean)/√(variance + eps) + β, per sample and channel over height and
 * width. In all else as InstanceNorm1d.
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
 * Instance norm of volumes: y = γ·(x − mean)/√(variance + eps) + β, per sample and channel over depth, height
 * and width. In all else as InstanceNorm1d.
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
