import { common } from '../runtime/common.ts';
import { kernels } from '../runtime/engine.ts';
import { checkInteger, checkNumber, unexpected } from '../tensor/check.ts';
import { checkFunction, checkInstance, optionsOf } from '../tensor/options.ts';
import { Optimizer } from './optimizer.ts';

/** What a schedule counts: optimizer steps, or passes over the data. */
export type ScheduleUnit = 'step' | 'epoch';

/** A schedule's state, in plain numbers. */
export interface ScheduleState {
  count: number;
  /** Each group's learning rate when the schedule was made. */
  baseLrs: number[];
}

export interface UnitOption {
  /** What one `step()` counts. `fit` calls it after each step or after each epoch accordingly. */
  unit?: ScheduleUnit;
}

/**
 * The base of the learning-rate schedules. A schedule is made for an optimizer, takes its groups'
 * learning rates as their base values, and sets them at once and at each `step()`. The new rates follow from
 * the base values and the count alone: a rate that was assigned in between is overwritten. A group that is added to
 * the optimizer later has its learning rate at the next `step()` as base.
 *
 * ```ts
 * const schedule = new CosineAnnealingLR(optimizer, { tMax: 30 });
 * for (let epoch = 0; epoch < 30; epoch++) { …; schedule.step(); }
 * ```
 *
 * A schedule of your own extends it and calls `moveTo(0)` at the end of its constructor.
 */
export abstract class Schedule {
  readonly unit: ScheduleUnit;
  /** Steps or epochs so far. */
  count = 0;
  protected baseLrs: readonly number[];

  constructor(
    readonly optimizer: Optimizer,
    unit: ScheduleUnit,
  ) {
    checkInstance(`${this.name}: optimizer`, optimizer, Optimizer, 'an Optimizer');
    if (unit !== 'step' && unit !== 'epoch') {
      throw unexpected(`${this.name}: unit`, `'step' or 'epoch'`, unit);
    }
    this.unit = unit;
    this.baseLrs = optimizer.groups.map((group) => group.lr);
  }

  /** The class's name, for errors. */
  protected get name(): string {
    return this.constructor.name;
  }

  /** The i-th group's learning rate after `count` steps or epochs, `base` its learning rate before. */
  abstract rateAt(count: number, base: number, i: number): number;

  /** Whether the rates follow from what is measured, and not from the count alone. */
  get measures(): boolean {
    return false;
  }

  /**
   * Adds one to the count and sets the learning rates.
   *
   * @param _measured for schedules that follow what is measured: see `ReduceLROnPlateau`
   */
  step(_measured?: unknown): void {
    this.moveTo(this.count + 1);
  }

  /**
   * Sets the count, and the learning rates that belong to it.
   *
   * @throws RangeError for a count or a learning rate that is not a finite number ≥ 0; nothing is set then
   */
  moveTo(count: number): void {
    checkInteger(this.name, 'count', count, 0);
    const { groups } = this.optimizer;
    this.includeNew();
    const rates = groups.map((_, i) => this.rateAt(count, this.baseLrs[i]!, i));
    for (const rate of rates) checkNumber(`${this.name} at ${this.unit} ${count}`, 'lr', rate, 0);
    this.count = count;
    for (const [i, group] of groups.entries()) group.lr = rates[i]!;
  }

  /** Takes the learning rates of groups that were added since as their base. */
  private includeNew(): void {
    const added = this.optimizer.groups.slice(this.baseLrs.length);
    if (added.length > 0) this.baseLrs = [...this.baseLrs, ...added.map(({ lr }) => lr)];
  }

  /** The first group's learning rate. */
  get lr(): number {
    return this.optimizer.lr;
  }

  stateDict(): ScheduleState {
    this.includeNew();
    return { count: this.count, baseLrs: [...this.baseLrs] };
  }

  /** @throws RangeError if the number of groups differs; nothing is loaded then */
  loadStateDict(state: ScheduleState): void {
    const who = `${this.name}.loadStateDict`;
    const { count, baseLrs } = state ?? {};
    checkInteger(who, 'count', count, 0);
    this.includeNew();
    if (!Array.isArray(baseLrs) || baseLrs.length !== this.baseLrs.length) {
      throw new RangeError(
        `${who}: expected ${this.baseLrs.length} baseLrs, got ${baseLrs?.length ?? 'none'}`,
      );
    }
    for (const base of baseLrs) checkNumber(who, 'baseLrs', base, 0);
    const before = this.baseLrs;
    this.baseLrs = [...baseLrs];
    try {
      this.moveTo(count);
    } catch (error) {
      this.baseLrs = before;
      throw error;
    }
  }
}

/** lr = base·gamma^⌊count / stepSize⌋ (PyTorch's StepLR). Counts epochs by default. */
export class StepLR extends Schedule {
  private readonly stepSize: number;
  private readonly gamma: number;

  /** @param options stepSize; gamma 0.1; unit 'epoch' */
  constructor(
    optimizer: Optimizer,
    ...rest: [options: { stepSize: number; gamma?: number } & UnitOption]
  ) {
    const table = { stepSize: undefined, gamma: 0.1, unit: 'epoch' } as const;
    const { stepSize, gamma, unit } = optionsOf(new.target.name, rest, table);
    super(optimizer, unit);
    checkInteger(this.name, 'stepSize', stepSize!);
    checkNumber(this.name, 'gamma', gamma, 0);
    this.stepSize = stepSize!;
    this.gamma = gamma;
    this.moveTo(0);
  }

  rateAt(count: number, base: number): number {
    return base * common().powF64(this.gamma, Math.floor(count / this.stepSize));
  }
}

/**
 * lr = base·gamma^(milestones reached) (PyTorch's MultiStepLR; a milestone listed twice counts twice).
 * Counts epochs by default.
 */
export class MultiStepLR extends Schedule {
  private readonly milestones: readonly number[];
  private readonly gamma: number;

  /** @param options milestones; gamma 0.1; unit 'epoch' */
  constructor(
    optimizer: Optimizer,
    ...rest: [options: { milestones: readonly number[]; gamma?: number } & UnitOption]
  ) {
    const table = { milestones: undefined, gamma: 0.1, unit: 'epoch' } as const;
    const { milestones, gamma, unit } = optionsOf(new.target.name, rest, table);
    super(optimizer, unit);
    if (!Array.isArray(milestones)) {
      throw unexpected(`${this.name}: milestones`, 'a list such as [30, 80]', milestones);
    }
    for (const milestone of milestones) checkInteger(this.name, 'milestones', milestone, 0);
    checkNumber(this.name, 'gamma', gamma, 0);
    this.milestones = [...milestones];
    this.gamma = gamma;
    this.moveTo(0);
  }

  rateAt(count: number, base: number): number {
    const reached = this.milestones.filter((milestone) => milestone <= count).length;
    return base * common().powF64(this.gamma, reached);
  }
}

/** lr = base·gamma^count (PyTorch's ExponentialLR). Counts epochs by default. */
export class ExponentialLR extends Schedule {
  private readonly gamma: number;

  /** @param options gamma; unit 'epoch' */
  constructor(optimizer: Optimizer, ...rest: [options: { gamma: number } & UnitOption]) {
    const table = { gamma: undefined, unit: 'epoch' } as const;
    const { gamma, unit } = optionsOf(new.target.name, rest, table);
    super(optimizer, unit);
    checkNumber(this.name, 'gamma', gamma!, 0);
    this.gamma = gamma!;
    this.moveTo(0);
  }

  rateAt(count: number, base: number): number {
    return base * common().powF64(this.gamma, count);
  }
}

/**
 * lr = base·factor(count), with your own function (PyTorch's LambdaLR). For the same bits in every runtime
 * it must not use `Math.exp`, `Math.pow` and similar functions.
 */
export class LambdaLR extends Schedule {
  /** @param options unit 'epoch' */
  constructor(
    optimizer: Optimizer,
    private readonly factor: (count: number, group: number) => number,
    ...rest: [options?: UnitOption | undefined]
  ) {
    super(optimizer, optionsOf(new.target.name, rest, { unit: 'epoch' }).unit);
    checkFunction(`${this.name}: factor`, factor);
    this.moveTo(0);
  }

  rateAt(count: number, base: number, i: number): number {
    return base * this.factor(count, i);
  }
}

/**
 * lr = etaMin + (base − etaMin)·(1 + cos(π·count/tMax))/2: down to etaMin at tMax, then up
 * again (PyTorch's CosineAnnealingLR; Loshchilov and Hutter, 2017). Counts epochs by default.
 */
export class CosineAnnealingLR extends Schedule {
  private readonly tMax: number;
  private readonly etaMin: number;

  /** @param options tMax; etaMin 0; unit 'epoch' */
  constructor(
    optimizer: Optimizer,
    ...rest: [options: { tMax: number; etaMin?: number } & UnitOption]
  ) {
    const table = { tMax: undefined, etaMin: 0, unit: 'epoch' } as const;
    const { tMax, etaMin, unit } = optionsOf(new.target.name, rest, table);
    super(optimizer, unit);
    checkInteger(this.name, 'tMax', tMax!);
    checkNumber(this.name, 'etaMin', etaMin, 0);
    this.tMax = tMax!;
    this.etaMin = etaMin;
    this.moveTo(0);
  }

  rateAt(count: number, base: number): number {
    return cosineBetween(base, this.etaMin, (count % (2 * this.tMax)) / this.tMax);
  }
}

/**
 * lr = min + (max − min)·e^(−count/speed): a decay with a lower limit. Counts steps by default.
 */
export class DecayToFloor extends Schedule {
  private readonly min: number;
  private readonly max: number | undefined;
  private readonly speed: number;

  /** @param options min; speed; max (each group's own learning rate); unit 'step' */
  constructor(
    optimizer: Optimizer,
    ...rest: [options: { min: number; speed: number; max?: number } & UnitOption]
  ) {
    const table = { min: undefined, speed: undefined, max: undefined, unit: 'step' } as const;
    const { min, speed, max, unit } = optionsOf(new.target.name, rest, table);
    super(optimizer, unit);
    checkNumber(this.name, 'min', min!, 0);
    if (max !== undefined) checkNumber(this.name, 'max', max, 0);
    checkNumber(this.name, 'speed', speed!, Number.MIN_VALUE);
    this.min = min!;
    this.max = max;
    this.speed = speed!;
    this.moveTo(0);
  }

  rateAt(count: number, base: number): number {
    return this.min + ((this.max ?? base) - this.min) * kernels().expF64(-count / this.speed);
  }
}

/**
 * A linear rise before another schedule. For count < steps
 * lr = target·(startFactor + (endFactor − startFactor)·count/steps); then the other schedule runs from its
 * beginning. The target is the first rate of the other schedule. Without one it is the optimizer's own learning
 * rate, and lr = target·endFactor stays (PyTorch's LinearLR).
 *
 * ```ts
 * const schedule = new LinearWarmup(new CosineAnnealingLR(optimizer, { tMax: 900, unit: 'step' }), { steps: 100 });
 * ```
 *
 * Counts what the other schedule counts, or steps without one. Call `step()` of this schedule only.
 */
export class LinearWarmup extends Schedule {
  private readonly steps: number;
  private readonly startFactor: number;
  private readonly endFactor: number;
  private readonly after: Schedule | undefined;

  /** @param options steps; startFactor 1/3; endFactor 1; unit 'step', if there is no other schedule */
  constructor(
    target: Optimizer | Schedule,
    ...rest: [options: { steps: number; startFactor?: number; endFactor?: number } & UnitOption]
  ) {
    const table = { steps: undefined, startFactor: 1 / 3, endFactor: 1, unit: undefined };
    const { steps, startFactor, endFactor, unit } = optionsOf(new.target.name, rest, table);
    const after = target instanceof Schedule ? target : undefined;
    super(target instanceof Schedule ? target.optimizer : target, unit ?? after?.unit ?? 'step');
    if (after && this.unit !== after.unit) {
      throw new RangeError(
        `${this.name}: counts ${this.unit}s, but the ${after.constructor.name} behind it counts ` +
          `${after.unit}s: give both the same unit`,
      );
    }
    if (after?.measures) {
      throw new RangeError(
        `${this.name}: the ${after.constructor.name} behind it follows what is measured: give it the optimizer, ` +
          'and step each by itself',
      );
    }
    checkInteger(this.name, 'steps', steps!);
    checkNumber(this.name, 'startFactor', startFactor, 0, 1);
    checkNumber(this.name, 'endFactor', endFactor, 0, 1);
    this.after = after;
    this.steps = steps!;
    this.startFactor = startFactor;
    this.endFactor = endFactor;
    if (after) this.baseLrs = after.stateDict().baseLrs;
    this.moveTo(0);
  }

  rateAt(count: number, base: number, i: number): number {
    const { after, steps, startFactor, endFactor } = this;
    if (count >= steps) return after ? after.rateAt(count - steps, base, i) : base * endFactor;
    const target = after ? after.rateAt(0, base, i) : base;
    return target * (startFactor + ((endFactor - startFactor) * count) / steps);
  }

  override moveTo(count: number): void {
    this.after?.moveTo(Math.max(0, count - this.steps));
    super.moveTo(count);
  }

  override loadStateDict(state: ScheduleState): void {
    super.loadStateDict(state);
    if (this.after) (this.after as LinearWarmup).baseLrs = this.baseLrs;
  }
}

/** Half a cosine from `from` (at part 0) to `to` (at part 1); beyond 1 it returns. */
export function cosineBetween(from: number, to: number, part: number): number {
  return to + ((from - to) * (1 + common().cosF64(Math.PI * part))) / 2;
}
