import type { Given, Use } from '../../graph/node.ts';
import { Leaf } from '../../module/leaf.ts';
import { checkInteger, checkNumber } from '../../tensor/check.ts';
import { Buffer, Counter, Parameter } from '../../tensor/parameter.ts';
import { type Shape, shapeText } from '../../tensor/shape.ts';
import { Tensor } from '../../tensor/tensor.ts';
import { checkFilled, ghostSizes, type VirtualBatchRest } from './ghosts.ts';
import type { Masking } from './masking.ts';
import { type BatchNormOptions, checkedOptions } from './options.ts';
import { batchNormScratch, kernelShape, type Part, partsOf, saveBlocks } from './part.ts';
import { PASSES, type Passes } from './passes.ts';
import type { Population } from './population.ts';
import type { Renorm } from './renorm.ts';
import { BATCH, RUNNING, type Source } from './source.ts';

/** What a use of the layer keeps: the parts of its batch, and what its forward saves for its backward. */
interface Memo {
  /** The batch as one part, and cut into the layer's ghosts. Without ghosts the two are the same. */
  readonly whole: readonly Part[];
  readonly ghosts: readonly Part[];
  /** Whether `verify` has counted the positions of the mask. */
  counted: boolean;
  /** The statistics that the last forward normalised with, and the parts that it cut the batch into. */
  source: Source;
  parts: readonly Part[];
}

/**
 * The base of the three layers, which differ only in the axes of their inputs. `run` and `runBackward`
 * follow the equations. A `Source` supplies the statistics that a forward normalises with: the batch's or
 * others. A set of `Passes` knows which positions count.
 */
export abstract class BatchNorm extends Leaf<Memo> {
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
  /** Whether training, too, normalises with the running statistics, and does not change them. */
  frozenStatistics = false;
  /** Whether `freeze` has set `frozenStatistics`, so that `unfreeze` is to undo it. */
  private frozenByFreeze = false;
  /**
   * @internal While set, a forward in any mode normalises with the batch's statistics and adds them to this
   * population. The running statistics stay as they are.
   */
  population: Population | undefined;
  private rate!: number | null;

  override get maxInputs(): number {
    return this.masking ? 2 : 1;
  }

  /** The passes and checks of a layer that takes a mask. */
  protected get masking(): Masking | undefined {
    return undefined;
  }

  /** @internal The passes over the elements. */
  get passes(): Passes {
    return this.masking ?? PASSES;
  }

  /** Names of the axes after N and C, by rank. */
  protected abstract get axes(): string[][];

  constructor(
    /** Number of channels, C. */
    readonly numFeatures: number,
    ...rest: [options?: BatchNormOptions | undefined]
  ) {
    super();
    checkInteger(this.constructor.name, 'numFeatures', numFeatures);
    const options = checkedOptions(`${this}`, rest);
    const { decay, center, scale, trackRunningStats } = options;
    this.renorm = options.renorm;
    this.eps = options.eps;
    this.channelsLast = options.channelsLast;
    this.runningVariance = options.runningVariance;
    this.virtualBatchSize = options.virtualBatchSize;
    this.virtualBatchRest = options.virtualBatchRest;
    const ones = Tensor.from(new Float32Array(numFeatures).fill(1), [numFeatures]);
    const zeros = Tensor.zeros([numFeatures]);
    this.weight = scale ? new Parameter(ones) : undefined;
    this.bias = center ? new Parameter(zeros) : undefined;
    this.runningMean = trackRunningStats ? new Buffer(zeros) : undefined;
    this.runningVar = trackRunningStats ? new Buffer(ones) : undefined;
    this.numBatchesTracked = trackRunningStats ? new Counter() : undefined;
    this.settle();
    const { momentum = decay === undefined ? 0.1 : 1 - decay } = options;
    this.momentum = momentum; // not settled: it may be assigned later, too
  }

  /** Weight of the new value in the running statistics; with null they are the average of all batches. */
  get momentum(): number | null {
    return this.rate;
  }

  set momentum(value: number | null) {
    if (value !== null) checkNumber(`${this}`, 'momentum', value, 0, 1);
    this.rate = value;
  }

  protected override freezeStatistics(frozen: boolean): void {
    if (frozen ? !this.frozenStatistics : this.frozenByFreeze) {
      this.frozenStatistics = this.frozenByFreeze = frozen;
    }
  }

  /** Resets the running statistics: mean 0, variance 1, no batch seen. */
  resetRunningStats(): void {
    this.runningMean?.data.view().fill(0);
    this.runningVar?.data.view().fill(1);
    if (this.numBatchesTracked) this.numBatchesTracked.value = 0;
  }

  connect(use: Use<Memo>, shape: Shape, ...others: Shape[]): Shape {
    const { numFeatures: c, channelsLast, virtualBatchSize, virtualBatchRest } = this;
    this.checkInput(shape);
    this.masking?.checkShape(`${this}`, others[0], shape, channelsLast);
    const n = shape[0]!;
    const sizes = virtualBatchSize ? ghostSizes(n, virtualBatchSize, virtualBatchRest) : [n];
    const blocks = saveBlocks(use, sizes.length, c, this.renorm !== undefined);
    const cut = (samples: number[]) => partsOf(use, blocks, shape, c, channelsLast, samples);
    const whole = cut([n]);
    const ghosts = virtualBatchSize ? cut(sizes) : whole;
    use.memo = { whole, ghosts, counted: false, source: BATCH, parts: whole };
    const [{ positions }] = whole as [Part];
    use.reserveScratch(batchNormScratch(kernelShape(positions, positions / n, c, channelsLast)));
    use.keeps({ input: true });
    use.mayOverwriteInput();
    use.mayOverwriteGradient();
    if (this.masking) use.noGradient(1);
    return shape;
  }

  override verify(use: Use<Memo>, training: boolean, given?: Given): void {
    const { memo } = use;
    const { ofBatch, ofGhosts } = this.sourceOf(training);
    const cut = training && ofGhosts;
    const parts = cut ? memo.ghosts : memo.whole;
    const mask = this.masking && given?.(use.inputs[1]!);
    memo.counted = mask !== undefined;
    if (mask) this.masking!.count(`${this}`, parts, mask, ofBatch);
    if (!ofBatch) return;
    this.renorm?.check(`${this}`, this.numBatchesTracked!.value);
    const { shape } = use.inputs[0]!;
    if (cut && this.virtualBatchSize && this.virtualBatchRest === 'refuse') {
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

  /** y = γ·(x − mean)/σ + β, as (x − K)·a + b. */
  run(use: Use<Memo>): void {
    const { memo } = use;
    const source = this.sourceOf(use.training);
    memo.source = source;
    memo.parts = use.training && source.ofGhosts ? memo.ghosts : memo.whole;
    this.countMask(use);
    for (const part of memo.parts) {
      source.statistics(this, part);
      source.affine(this, part);
      source.track(this, part);
      this.passes.forward(part);
    }
  }

  /** dγ += Σ dy·x̂, dβ += Σ dy, and dx, in which the gradient through the batch's statistics is included. */
  runBackward(use: Use<Memo>): void {
    const { source, parts } = use.memo;
    const dWeight = use.gradient(this.weight);
    const dBias = use.gradient(this.bias);
    const sums = dWeight || dBias || (use.dx && source.ofBatch);
    for (const part of parts) {
      if (sums) {
        this.passes.sums(part);
        source.gradients(this, part, dWeight, dBias);
      }
      if (use.dx) source.backward(this, part);
    }
  }

  override toString(): string {
    return `${this.constructor.name}(${this.numFeatures})`;
  }

  /** Which statistics a forward in this mode normalises with. */
  private sourceOf(training: boolean): Source {
    if (this.population) return this.population.source;
    if (this.runningMean && !(training && !this.frozenStatistics)) return RUNNING;
    return this.renorm?.source ?? BATCH;
  }

  /** Counts the positions of a mask that the model itself computes, which `verify` cannot see. */
  private countMask(use: Use<Memo>): void {
    const { counted, parts, source } = use.memo;
    if (!this.masking || counted) return;
    this.masking.count(`${this}`, parts, use.inputs[1]!.slot.f32, source.ofBatch);
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
