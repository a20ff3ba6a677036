import { BatchNormShape } from '../../generated/kernels.ts';
import type { Use } from '../../graph/node.ts';
import type { Slot } from '../../graph/slot.ts';
import { NULL, type Pointer } from '../../memory/memory.ts';
import type { Struct } from '../../memory/struct.ts';
import { Leaf } from '../../module/leaf.ts';
import { kernels } from '../../runtime/engine.ts';
import { extra } from '../../runtime/extra.ts';
import { checkEps, checkInteger, checkNumber } from '../../tensor/check.ts';
import { optionsOf } from '../../tensor/options.ts';
import { Buffer, Counter, Parameter } from '../../tensor/parameter.ts';
import { type Shape, shapeText, sizeOf } from '../../tensor/shape.ts';
import { Tensor } from '../../tensor/tensor.ts';
import { batchNormScratch } from '../batchnorm/part.ts';
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

/** What a use of the layer keeps: its sizes, and what its forward saves for its backward. */
interface Memo {
  /** The arithmetic with the instances' own statistics: group norm with one channel a group. */
  readonly planes: PlaneNorm;
  /** With `trackRunningStats`: what the arithmetic with the running statistics keeps. */
  readonly running: Running | undefined;
  /** Whether the last forward used the instances' own statistics. */
  own: boolean;
}

/** The running statistics and y = (x − K)·a + b as the kernels of batch norm take them. */
interface Running {
  readonly statistics: Slot<'Statistics'>;
  readonly coefficients: Slot<'Coefficients'>;
  readonly shape: Struct<BatchNormShape, 'BatchNormShape'>;
}

/** The base of the three layers, which differ only in the axes of their inputs. */
export abstract class InstanceNorm extends Leaf<Memo> {
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

  /** Names of the axes after N and C. */
  protected abstract get axes(): string[];

  constructor(
    /** Number of channels, C. */
    readonly numFeatures: number,
    ...rest: [options?: InstanceNormOptions | undefined]
  ) {
    super();
    const { eps, momentum, affine, trackRunningStats } = optionsOf(this.constructor.name, rest, {
      eps: 1e-5,
      momentum: 0.1,
      affine: false,
      trackRunningStats: false,
    });
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
    this.settle();
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
    use.memo = { planes, running: this.runningMean && this.reserve(use, { n, c, s }), own: true };
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

  private reserve(use: Use, shape: BatchNormShape): Running {
    const c = this.numFeatures;
    // Forward: a block of statistics. Backward: what batch norm takes.
    use.reserveScratch(4 * 4 * c);
    use.reserveScratch(batchNormScratch(shape));
    return {
      statistics: use.save([4, c]),
      coefficients: use.save([5, c]),
      shape: use.struct(BatchNormShape, shape),
    };
  }

  /** Moves the running statistics towards the instances', averaged over the batch. */
  private track(use: Use<Memo>): void {
    const { planes } = use.memo;
    const { samples: n, channels: c, plane: s } = planes.shape.values;
    // The first rows of a block of statistics: K (here the mean), δ and the variance.
    const block = use.scratch as Pointer<'Statistics'>;
    extra().instanceNormAverages(block, planes.statistics.ptr, n, c, 0, c);
    const running = [this.runningMean!.ptr, this.runningVar!.ptr] as const;
    kernels().batchNormUpdateRunning(...running, block, c, s / (s - 1), this.momentum, 0, c);
  }

  /** Batch norm's forward in evaluation. */
  private runWithRunning(use: Use<Memo>, memo: Running): void {
    const { numFeatures: c, eps, runningMean, runningVar } = this;
    const { y, x, scratch } = use;
    const [statistics, coefficients] = [memo.statistics.ptr, memo.coefficients.ptr];
    const affine = [this.weight?.ptr ?? NULL, this.bias?.ptr ?? NULL] as const;
    const k = kernels();
    k.batchNormRunning(statistics, runningMean!.ptr, runningVar!.ptr, c, eps, 0, c);
    k.batchNormAffine(coefficients, statistics, ...affine, c, 0, c);
    k.batchNormForward(y, coefficients, x, memo.shape.ptr, 0, 0, memo.shape.values.n, scratch);
  }

  /** Batch norm's backward in evaluation, when the statistics are constants. */
  private runBackwardWithRunning(use: Use<Memo>, memo: Running): void {
    const { numFeatures: c } = this;
    const { n, s } = memo.shape.values;
    const { dx, dy, x, scratch } = use;
    const shape = memo.shape.ptr;
    const [statistics, coefficients] = [memo.statistics.ptr, memo.coefficients.ptr];
    const dWeight = use.gradient(this.weight);
    const dBias = use.gradient(this.bias);
    const k = kernels();
    if (dWeight || dBias) {
      k.batchNormBackwardSums(coefficients, dy, x, shape, 0, 0, c, scratch);
      const blocks = [coefficients, statistics] as const;
      k.batchNormAffineBackward(dWeight, dBias, ...blocks, c, n * s, 0, c, scratch);
    }
    if (dx) k.batchNormFrozenBackward(dx, coefficients, dy, x, shape, 0, 0, n, scratch);
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
 * are in `InstanceNormOptions`.
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
