import type { Given, Use } from '../../graph/node.ts';
import { NULL, offset, type Pointer, Window } from '../../memory/memory.ts';
import { Leaf } from '../../module/leaf.ts';
import { kernels } from '../../runtime/engine.ts';
import { checkInteger, checkNumber, type Shape, shapeText } from '../../tensor/check.ts';
import { Buffer, Counter, Parameter } from '../../tensor/parameter.ts';
import { Tensor } from '../../tensor/tensor.ts';
import { checkFilled, ghostsOf, type Part, type VirtualBatchRest, wholeOf } from './ghosts.ts';
import type { Masking } from './masking.ts';
import { type Memo, type Rows, rowsOf } from './memo.ts';
import { type BatchNormOptions, checkOptions } from './options.ts';
import type { Population } from './population.ts';
import type { Renorm } from './renorm.ts';

/** What the three layers share; they differ in the axes they take. */
export abstract class BatchNorm extends Leaf {
  /** γ, [numFeatures]. */
  readonly weight: Parameter | undefined;
  /** β, [numFeatures]. */
  readonly bias: Parameter | undefined;
  readonly runningMean: Buffer | undefined;
  readonly runningVar: Buffer | undefined;
  readonly numBatchesTracked: Counter | undefined;
  readonly eps: number;
  readonly channelsLast: boolean;
  readonly runningVariance: 'unbiased' | 'biased';
  readonly virtualBatchSize: number | undefined;
  readonly virtualBatchRest: VirtualBatchRest;
  readonly renorm: Renorm | undefined;
  /** Whether training, too, normalises with the running statistics and leaves them as they are. */
  frozenStatistics = false;
  /**
   * @internal While set, a forward of any mode normalises with the batch's statistics and adds them to
   * these rather than to the running ones.
   */
  population: Population | undefined;
  private rate: number | null;

  override get maxInputs(): number {
    return this.masking ? 2 : 1;
  }

  /** What a layer that takes a mask does otherwise. */
  protected get masking(): Masking | undefined {
    return undefined;
  }

  /** Names of the axes behind N and C, by rank. */
  protected abstract get axes(): string[][];

  constructor(
    /** Number of channels, C. */
    readonly numFeatures: number,
    options: BatchNormOptions = {},
  ) {
    super();
    const { eps = 1e-5, momentum, decay, affine = true, channelsLast = false } = options;
    const { center = affine, scale = affine, trackRunningStats = true } = options;
    const { runningVariance = 'unbiased', virtualBatchSize, virtualBatchRest = 'refuse' } = options;
    checkInteger(this.constructor.name, 'numFeatures', numFeatures);
    checkOptions(`${this}`, options);
    this.rate = 0;
    this.momentum = decay === undefined ? (momentum === undefined ? 0.1 : momentum) : 1 - decay;
    this.renorm = options.renorm;
    this.eps = eps;
    this.channelsLast = channelsLast;
    this.runningVariance = runningVariance;
    this.virtualBatchSize = virtualBatchSize;
    this.virtualBatchRest = virtualBatchRest;
    const ones = Tensor.from(new Float32Array(numFeatures).fill(1), [numFeatures]);
    const zeros = Tensor.zeros([numFeatures]);
    this.weight = scale ? new Parameter(ones) : undefined;
    this.bias = center ? new Parameter(zeros) : undefined;
    this.runningMean = trackRunningStats ? new Buffer(zeros) : undefined;
    this.runningVar = trackRunningStats ? new Buffer(ones) : undefined;
    this.numBatchesTracked = trackRunningStats ? new Counter() : undefined;
  }

  /** Weight of the new value in the running statistics; null: the average of all batches. */
  get momentum(): number | null {
    return this.rate;
  }

  set momentum(value: number | null) {
    if (value !== null) checkNumber(`${this}`, 'momentum', value, 0, 1);
    this.rate = value;
  }

  /** Starts the running statistics over: mean 0, variance 1, no batch seen. */
  resetRunningStats(): void {
    this.runningMean?.data.view().fill(0);
    this.runningVar?.data.view().fill(1);
    if (this.numBatchesTracked) this.numBatchesTracked.value = 0;
  }

  /** @internal Overwrites the running statistics. */
  setStatistics(mean: Float64Array, variance: Float64Array, batches?: number): void {
    this.runningMean!.data.view().set(mean);
    this.runningVar!.data.view().set(variance);
    if (batches !== undefined) this.numBatchesTracked!.value = batches;
  }

  connect(use: Use, shape: Shape, ...others: Shape[]): Shape {
    const { numFeatures: c, channelsLast, virtualBatchSize, virtualBatchRest } = this;
    this.checkInput(shape);
    this.masking?.checkShape(`${this}`, others[0], shape, channelsLast);
    const whole = [wholeOf(shape, c, channelsLast)];
    const ghosts = virtualBatchSize
      ? ghostsOf(shape, c, channelsLast, virtualBatchSize, virtualBatchRest)
      : whole;
    const memo: Memo = {
      whole,
      ghosts,
      shift: use.save([ghosts.length, c]),
      delta: use.save([ghosts.length, c]),
      invStd: use.save([ghosts.length, c]),
      scale: use.save([ghosts.length, c]),
      offset: use.save([ghosts.length, c]),
      ratio: this.renorm && use.save([ghosts.length, c]),
      drift: this.renorm && use.save([ghosts.length, c]),
      counted: false,
      batch: false,
      parts: whole,
    };
    use.memo = memo;
    use.reserveScratch(4 * (LANES + 6 * padded(c)));
    use.keeps({ input: true });
    use.mayOverwriteInput();
    use.mayOverwriteGradient();
    if (this.masking) use.noGradient(1); // a mask is a choice
    return shape;
  }

  override verify(use: Use, training: boolean, given?: Given): void {
    const memo = use.memo as Memo;
    const batch = this.usesBatch(training);
    const parts = this.partsOf(use, batch);
    const mask = this.masking && given?.(use.inputs[1]!);
    memo.counted = mask !== undefined;
    if (mask) this.masking!.count(`${this}`, parts, mask, batch);
    if (!batch) return;
    this.renorm?.check(`${this}`, this.numBatchesTracked!.value);
    const { shape } = use.inputs[0]!;
    if (this.virtualBatchSize && this.virtualBatchRest === 'refuse' && !this.population) {
      checkFilled(`${this}`, parts, this.virtualBatchSize, shape);
    }
    if (parts.every(({ m }) => m > 1)) return;
    const way = this.runningMean
      ? 'use a larger batch (dropLast spares a last batch of one), or eval() or predict()'
      : 'use a larger batch, or trackRunningStats';
    throw new RangeError(
      `${this}: batch statistics expected more than one value a channel, got 1 in ` +
        `${parts.length > 1 ? 'a ghost of ' : ''}${shapeText(shape)}: ${way}`,
    );
  }

  override get reluEpilogue() {
    return this.masking ? undefined : ('fused' as const);
  }

  run(use: Use): void {
    const { numFeatures: c, eps, weight, bias, runningMean, runningVar, masking } = this;
    const memo = use.memo as Memo;
    const { scratch } = use;
    const batch = this.usesBatch(use.training);
    const totals = offset(scratch, LANES);
    const variance = this.variance(use);
    const relu = use.relu ? 1 : 0;
    memo.batch = batch;
    memo.parts = this.partsOf(use, batch);
    if (masking && !memo.counted) {
      masking.count(`${this}`, memo.parts, use.inputs[1]!.slot.f32, batch);
    }
    for (const part of memo.parts) {
      const { element, n, s } = part;
      const mask = masking ? offset(use.input(1), part.position) : NULL;
      const x = offset(use.x, element);
      const y = offset(use.y, element);
      const rows = rowsOf(memo, part, c);
      const { k, d, r, a, b } = rows;
      if (!batch) {
        kernels().batchNormRunning(k, d, r, runningMean!.ptr, runningVar!.ptr, eps, 0, c);
      } else if (masking) {
        masking.statistics(k, d, r, variance, x, mask, part, c, eps, totals, scratch);
      } else if (s === 0) {
        kernels().batchNormStatistics(k, d, r, variance, x, n, c, eps, 0, c, totals, scratch);
      } else {
        kernels().batchNormStatisticsPlanes(k, d, r, variance, x, n, c, s, eps, 0, c, totals);
      }
      if (batch && this.renorm && !this.population) this.renormalize(memo, part, rows);
      else kernels().batchNormAffine(a, b, d, r, weight?.ptr ?? NULL, bias?.ptr ?? NULL, 0, c);
      if (this.population) this.gather(use, part, this.population);
      else if (batch && use.training) this.track(use, part, rows);
      if (masking) masking.forward(y, k, a, b, x, mask, part, c);
      else if (s === 0) kernels().batchNormForward(y, k, a, b, x, c, relu, 0, n, scratch);
      else kernels().batchNormForwardPlanes(y, k, a, b, x, n, c, s, relu, 0, c);
    }
  }

  /** dγ += Σ dy·x̂, dβ += Σ dy; dx with the statistics' own share in it where they were the batch's. */
  runBackward(use: Use): void {
    const { numFeatures: c, masking } = this;
    const { scratch } = use;
    const memo = use.memo as Memo;
    const { batch } = memo;
    const relu = use.relu ? 1 : 0;
    const dWeight = use.gradient(this.weight);
    const dBias = use.gradient(this.bias);
    const totals = offset(scratch, LANES);
    const p = batch && use.dx ? offset(totals, 4 * padded(c)) : NULL;
    const q = batch && use.dx ? offset(totals, 5 * padded(c)) : NULL;
    for (const part of memo.parts) {
      const { element, index, n, s, m } = part;
      const mask = masking ? offset(use.input(1), part.position) : NULL;
      const x = offset(use.x, element);
      const dy = offset(use.dy, element);
      const { k, d, r, a, b } = rowsOf(memo, part, c);
      if (dWeight || dBias || p) {
        if (masking) {
          masking.sums(totals, k, dy, x, mask, part, c, scratch);
        } else if (s === 0) {
          kernels().batchNormBackwardSums(totals, k, a, b, dy, x, n, c, relu, 0, c, scratch);
        } else {
          kernels().batchNormBackwardSumsPlanes(totals, k, a, b, dy, x, n, c, s, relu, 0, c);
        }
        const renorm = batch && memo.ratio && dWeight;
        const plain = renorm ? NULL : dWeight;
        kernels().batchNormAffineBackward(plain, dBias, p, q, totals, d, r, a, c, m, 0, c);
        if (renorm) {
          const ratio = offset(memo.ratio!.ptr, index * c);
          const drift = offset(memo.drift!.ptr, index * c);
          this.renorm!.gradient(dWeight, ratio, drift, totals, d, r, c);
        }
      }
      if (!use.dx) continue;
      const dx = offset(use.dx, element);
      if (masking) masking.backward(dx, k, a, p, q, dy, x, mask, part, c);
      else if (s === 0)
        kernels().batchNormBackward(dx, k, a, b, p, q, dy, x, c, relu, 0, n, scratch);
      else kernels().batchNormBackwardPlanes(dx, k, a, b, p, q, dy, x, n, c, s, relu, 0, c);
    }
  }

  override toString(): string {
    return `${this.constructor.name}(${this.numFeatures})`;
  }

  private usesBatch(training: boolean): boolean {
    if (this.population || !this.runningMean) return true;
    return training && !this.frozenStatistics;
  }

  /** a and b of a part whose statistics are corrected towards the running ones. */
  private renormalize({ ratio, drift }: Memo, { index }: Part, { k, d, r, a, b }: Rows): void {
    const { numFeatures: c, weight, bias, runningMean, runningVar, numBatchesTracked } = this;
    this.renorm!.affine(
      numBatchesTracked!.value,
      a,
      b,
      offset(ratio!.ptr, index * c),
      offset(drift!.ptr, index * c),
      k,
      d,
      r,
      runningMean!.ptr,
      runningVar!.ptr,
      weight?.ptr ?? NULL,
      bias?.ptr ?? NULL,
      this.eps,
      c,
    );
  }

  /** What statistics are taken of, one by one; those of a population are of whole batches. */
  private partsOf(use: Use, batch: boolean): readonly Part[] {
    const { whole, ghosts } = use.memo as Memo;
    return batch && !this.population ? ghosts : whole;
  }

  /** Where a part's variances stand in scratch: behind the long rows and the totals. */
  private variance(use: Use): Pointer {
    return offset(use.scratch, LANES + 4 * padded(this.numFeatures));
  }

  private gather(use: Use, { m }: Part, population: Population): void {
    const { shift, delta } = use.memo as Memo;
    const variance = new Window(this.variance(use), this.numFeatures);
    population.add(m, shift.f32, delta.f32, variance.f32);
  }

  /** Takes a part's statistics into the running ones. */
  private track(use: Use, { m }: Part, { k, d }: Rows): void {
    if (!this.numBatchesTracked) return;
    const { numFeatures: c } = this;
    const batches = ++this.numBatchesTracked.value;
    kernels().batchNormUpdateRunning(
      this.runningMean!.ptr,
      this.runningVar!.ptr,
      k,
      d,
      this.variance(use),
      this.runningVariance === 'unbiased' ? m / (m - 1) : 1,
      this.rate ?? 1 / batches,
      0,
      c,
    );
  }

  private checkInput(shape: Shape): void {
    const c = this.numFeatures;
    const axis = this.channelsLast ? shape.length - 1 : 1;
    const ranked = this.axes.some((names) => names.length + 2 === shape.length);
    if (ranked && shape[axis] === c) return;
    const expected = this.axes.map((names) => {
      const extents = this.channelsLast ? ['N', ...names, c] : ['N', c, ...names];
      return `[${extents.join(', ')}]`;
    });
    const last = ranked && !this.channelsLast && shape.at(-1) === c;
    const way = last ? ': for channels last pass { channelsLast: true }' : '';
    throw new RangeError(
      `${this}: input expected ${expected.join(' or ')}, got ${shapeText(shape)}${way}`,
    );
  }
}

/** Floats of the five long rows that the kernels lay out what belongs to a channel in. */
export const LANES = 5 * 1040;

/** Channels rounded up to the multiple that the kernels' scratch is made of. */
function padded(c: number): number {
  return (c + 15) & ~15;
}
