import { checkInteger, checkNumber, unexpected } from '../tensor/check.ts';
import { optionsOf } from '../tensor/options.ts';
import type { Optimizer } from './optimizer.ts';
import { Schedule, type ScheduleState } from './schedule.ts';

export interface ReduceLROnPlateauOptions {
  /** Whether what is measured should fall ('min') or rise ('max'). Default 'min'. */
  mode?: 'min' | 'max';
  /** The learning rates are multiplied by it, below 1. Default 0.1. */
  factor?: number;
  /** Epochs without an improvement that are tolerated: the next one reduces. Default 10. */
  patience?: number;
  /** What counts as an improvement. Default 1e-4. */
  threshold?: number;
  /**
   * 'rel': an improvement is below best·(1 − threshold), or with 'max' above best·(1 + threshold). 'abs': by more than
   * threshold. Default 'rel'.
   */
  thresholdMode?: 'rel' | 'abs';
  /** Epochs after a reduction in which nothing is counted. Default 0. */
  cooldown?: number;
  /** The lowest learning rate: one for all groups, or one for each group. Default 0. */
  minLr?: number | readonly number[];
  /** A reduction by no more than this is left out. Default 1e-8. */
  eps?: number;
}

/** The state, in plain numbers. */
export interface PlateauState extends ScheduleState {
  /** The best that was measured; null if nothing was. */
  best: number | null;
  /** Epochs since, without those of a cooldown. */
  badEpochs: number;
  /** Epochs of the cooldown that are left. */
  cooldownLeft: number;
  /** Each group's learning rate. */
  lrs: number[];
}

/** What `evaluate` returns, of which 'min' follows the loss and 'max' the accuracy. */
interface Evaluated {
  readonly loss: number;
  readonly accuracy: number;
}

/**
 * Reduces the learning rates when what is measured improves no longer (PyTorch's ReduceLROnPlateau):
 * lr ← max(lr·factor, minLr) after more than `patience` epochs without an improvement.
 *
 * ```ts
 * const schedule = new ReduceLROnPlateau(optimizer, { patience: 3 });
 * for (let epoch = 0; epoch < 30; epoch++) { …; schedule.step(evaluate(model, test, loss)); }
 * ```
 *
 * In `fit` it follows the validation data. Unlike other schedules, it starts from the rates that the optimizer has at a
 * reduction.
 *
 * @throws RangeError for a factor of 1 or more, and for other options out of range
 */
export class ReduceLROnPlateau extends Schedule {
  private readonly options: Required<ReduceLROnPlateauOptions>;
  private best: number | undefined;
  private badEpochs = 0;
  private cooldownLeft = 0;

  constructor(optimizer: Optimizer, ...rest: [options?: ReduceLROnPlateauOptions | undefined]) {
    const options = optionsOf(new.target.name, rest, {
      mode: ['min', 'max'],
      factor: 0.1,
      patience: 10,
      threshold: 1e-4,
      thresholdMode: ['rel', 'abs'],
      cooldown: 0,
      minLr: undefined,
      eps: 1e-8,
    });
    super(optimizer, 'epoch');
    const { factor, minLr = 0 } = options;
    checkNumber(this.name, 'factor', factor, 0, 1);
    if (factor === 1) throw new RangeError(`${this.name}: factor expected below 1, got 1`);
    checkInteger(this.name, 'patience', options.patience, 0);
    checkInteger(this.name, 'cooldown', options.cooldown, 0);
    checkNumber(this.name, 'threshold', options.threshold, 0);
    checkNumber(this.name, 'eps', options.eps, 0);
    const floors = Array.isArray(minLr) ? [...minLr] : minLr;
    for (const floor of [floors].flat()) checkNumber(this.name, 'minLr', floor, 0);
    if (Array.isArray(floors) && floors.length !== optimizer.groups.length) {
      throw new RangeError(
        `${this.name}: minLr expected ${optimizer.groups.length} values, one a group, got ${floors.length}`,
      );
    }
    this.options = { ...options, minLr: floors };
  }

  override get measures(): boolean {
    return true;
  }

  /** The rate that the group has: it does not follow from the count. */
  rateAt(_count: number, _base: number, i: number): number {
    return this.optimizer.groups[i]!.lr;
  }

  /**
   * Counts an epoch, and reduces the learning rates if it is time.
   *
   * @param measured a number, or what `evaluate` returned: its loss, with the mode 'max' its accuracy
   * @throws TypeError without a number; nothing is counted then
   */
  override step(measured?: number | Evaluated): void {
    const { mode, patience, cooldown } = this.options;
    const key = mode === 'min' ? 'loss' : 'accuracy';
    const value = typeof measured === 'object' ? measured?.[key] : measured;
    if (typeof value !== 'number') {
      throw unexpected(
        `${this.name}.step: measured`,
        'a number, or what evaluate() returns (in fit, pass validation data)',
        measured,
      );
    }
    this.moveTo(this.count + 1);
    if (this.improves(value)) {
      this.best = value;
      this.badEpochs = 0;
    } else {
      this.badEpochs++;
    }
    if (this.cooldownLeft > 0) {
      this.cooldownLeft--;
      this.badEpochs = 0;
    }
    if (this.badEpochs <= patience) return;
    this.reduce();
    this.cooldownLeft = cooldown;
    this.badEpochs = 0;
  }

  override stateDict(): PlateauState {
    const { badEpochs, cooldownLeft, best } = this;
    const lrs = this.optimizer.groups.map(({ lr }) => lr);
    return { ...super.stateDict(), best: best ?? null, badEpochs, cooldownLeft, lrs };
  }

  /** @throws RangeError if the number of groups differs; nothing is loaded then */
  override loadStateDict(state: ScheduleState): void {
    const who = `${this.name}.loadStateDict`;
    const { best, badEpochs, cooldownLeft, lrs } = (state ?? {}) as PlateauState;
    const { groups } = this.optimizer;
    if (best !== null) checkNumber(who, 'best', best, -Infinity, Infinity);
    checkInteger(who, 'badEpochs', badEpochs, 0);
    checkInteger(who, 'cooldownLeft', cooldownLeft, 0);
    if (!Array.isArray(lrs) || lrs.length !== groups.length) {
      throw new RangeError(`${who}: expected ${groups.length} lrs, got ${lrs?.length ?? 'none'}`);
    }
    for (const lr of lrs) checkNumber(who, 'lrs', lr, 0);
    super.loadStateDict(state);
    this.best = best ?? undefined;
    this.badEpochs = badEpochs;
    this.cooldownLeft = cooldownLeft;
    for (const [i, group] of groups.entries()) group.lr = lrs[i]!;
  }

  private improves(value: number): boolean {
    const { mode, threshold, thresholdMode } = this.options;
    const sign = mode === 'min' ? -1 : 1;
    const best = this.best ?? -sign * Infinity;
    const bound = thresholdMode === 'rel' ? best * (1 + sign * threshold) : best + sign * threshold;
    return mode === 'min' ? value < bound : value > bound;
  }

  private reduce(): void {
    const { factor, minLr, eps } = this.options;
    for (const [i, group] of this.optimizer.groups.entries()) {
      const floor = typeof minLr === 'number' ? minLr : (minLr[i] ?? 0);
      const lr = Math.max(group.lr * factor, floor);
      if (group.lr - lr > eps) group.lr = lr;
    }
  }
}
