import { common } from '../runtime/common.ts';
import { checkInteger, checkNumber } from '../tensor/check.ts';
import { checkFunction, optionsOf } from '../tensor/options.ts';
import { MomentumCycle, ratesOf } from './momentumcycle.ts';
import type { Optimizer } from './optimizer.ts';
import { Schedule, type UnitOption } from './schedule.ts';

export interface CyclicLROptions extends UnitOption {
  /** The lowest learning rate: one for all groups, or one for each group. */
  baseLr: number | readonly number[];
  /** The highest learning rate: one for all groups, or one for each group. */
  maxLr: number | readonly number[];
  /** Steps in which the learning rate rises. Default 2000. */
  stepSizeUp?: number;
  /** Steps in which it falls. Default `stepSizeUp`. */
  stepSizeDown?: number;
  /**
   * How high the cycles are: 'triangular' all alike, 'triangular2' each half as high as the one before, 'exp_range'
   * times gamma^count. Default 'triangular'.
   */
  mode?: 'triangular' | 'triangular2' | 'exp_range';
  /** Default 1. */
  gamma?: number;
  /** The height of your own in place of `mode`, of what `scaleMode` says; see `LambdaLR`. */
  scaleFn?: (x: number) => number;
  /** Whether `scaleFn` gets the cycle's number, from 1, or the count. Default 'cycle'. */
  scaleMode?: 'cycle' | 'iterations';
  /**
   * Whether momentum (Adam: β₁) falls while the learning rate rises, and the other way round. Default true. Groups
   * without momentum are left alone.
   */
  cycleMomentum?: boolean;
  /** Default 0.8. */
  baseMomentum?: number;
  /** Default 0.9. */
  maxMomentum?: number;
}

/**
 * Cycles between two learning rates (Smith, "Cyclical learning rates", 2017), as PyTorch's CyclicLR:
 *
 *   lr = baseLr + (maxLr − baseLr)·x·s
 *   momentum = maxMomentum − (maxMomentum − baseMomentum)·x·s
 *
 * where x rises from 0 to 1 in stepSizeUp steps and falls back to 0 in stepSizeDown, and s is the height of the cycle.
 * The learning rates that the optimizer had are overwritten. Counts steps by default.
 *
 * @throws RangeError for lengths and rates out of range
 */
export class CyclicLR extends Schedule {
  private readonly lows: readonly number[];
  private readonly highs: readonly number[];
  private readonly up: number;
  private readonly down: number;
  private readonly scale: (count: number, cycle: number) => number;
  private readonly momentum: MomentumCycle | undefined;
  private readonly momenta: readonly [low: number, high: number];

  constructor(optimizer: Optimizer, ...rest: [options: CyclicLROptions]) {
    const options = optionsOf(new.target.name, rest, {
      baseLr: undefined,
      maxLr: undefined,
      stepSizeUp: 2000,
      stepSizeDown: undefined,
      mode: ['triangular', 'triangular2', 'exp_range'],
      gamma: 1,
      scaleFn: undefined,
      scaleMode: ['cycle', 'iterations'],
      cycleMomentum: true,
      baseMomentum: 0.8,
      maxMomentum: 0.9,
      unit: 'step',
    });
    super(optimizer, options.unit);
    const { stepSizeUp, stepSizeDown = stepSizeUp, gamma, mode, scaleFn, scaleMode } = options;
    const { baseMomentum, maxMomentum } = options;
    this.lows = ratesOf(this.name, 'baseLr', options.baseLr, optimizer);
    this.highs = ratesOf(this.name, 'maxLr', options.maxLr, optimizer);
    checkInteger(this.name, 'stepSizeUp', stepSizeUp);
    checkInteger(this.name, 'stepSizeDown', stepSizeDown);
    checkNumber(this.name, 'gamma', gamma, 0);
    checkNumber(this.name, 'baseMomentum', baseMomentum, 0, 1);
    checkNumber(this.name, 'maxMomentum', maxMomentum, 0, 1);
    if (scaleFn !== undefined) checkFunction(`${this.name}: scaleFn`, scaleFn);
    this.up = stepSizeUp;
    this.down = stepSizeDown;
    const { powF64 } = common();
    this.scale = scaleFn
      ? (count, cycle) => scaleFn(scaleMode === 'cycle' ? cycle : count)
      : mode === 'triangular'
        ? () => 1
        : mode === 'triangular2'
          ? (_, cycle) => powF64(0.5, cycle - 1)
          : (count) => powF64(gamma, count);
    this.momenta = [baseMomentum, maxMomentum];
    this.momentum = options.cycleMomentum ? new MomentumCycle(optimizer) : undefined;
    this.moveTo(0);
  }

  rateAt(count: number, base: number, i: number): number {
    const [low, high] = [this.lows[i] ?? base, this.highs[i] ?? base];
    return low + (high - low) * this.height(count);
  }

  override moveTo(count: number): void {
    super.moveTo(count);
    const [low, high] = this.momenta;
    this.momentum?.set(high - (high - low) * this.height(count));
  }

  /** x·s */
  private height(count: number): number {
    const { up, down } = this;
    const since = count % (up + down);
    const x = since <= up ? since / up : 1 - (since - up) / down;
    return x * this.scale(count, 1 + Math.floor(count / (up + down)));
  }
}
