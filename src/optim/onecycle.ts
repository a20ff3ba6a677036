import { checkInteger, checkNumber } from '../tensor/check.ts';
import { optionsOf } from '../tensor/options.ts';
import { MomentumCycle, ratesOf } from './momentumcycle.ts';
import type { Optimizer } from './optimizer.ts';
import { cosineBetween, Schedule, type UnitOption } from './schedule.ts';

export interface OneCycleOptions extends UnitOption {
  /** The highest learning rate: one for all groups, or one for each group. */
  maxLr: number | readonly number[];
  /** Length of the cycle in steps. Or give `epochs` and `stepsPerEpoch`. */
  totalSteps?: number;
  epochs?: number;
  stepsPerEpoch?: number;
  /** Share of the cycle in which the learning rate rises. Default 0.3. */
  pctStart?: number;
  /** Default 'cos'. */
  annealStrategy?: 'cos' | 'linear';
  /**
   * Whether momentum (Adam: β₁) falls while the learning rate rises, and the other way round. Default true. Groups
   * without momentum are left alone.
   */
  cycleMomentum?: boolean;
  /** Default 0.85. */
  baseMomentum?: number;
  /** Default 0.95. */
  maxMomentum?: number;
  /** First lr = maxLr / divFactor. Default 25. */
  divFactor?: number;
  /** Last lr = first lr / finalDivFactor. Default 1e4. */
  finalDivFactor?: number;
  /**
   * Whether there are three phases: the learning rate rises, falls back to its first value in the same time, and
   * then falls to its last. Default false: two phases.
   */
  threePhase?: boolean;
}

/** A part of the cycle: learning rate and momentum go from one value to another until the step `end`. */
interface Phase {
  readonly end: number;
  readonly lr: readonly [Level, Level];
  readonly momentum: readonly [number, number];
}

type Level = 'first' | 'max' | 'last';

/**
 * One cycle (Smith and Topin, "Super-convergence", 2019), as PyTorch's OneCycleLR: the learning rate
 * rises from maxLr/divFactor to maxLr and falls to maxLr/divFactor/finalDivFactor, momentum falls and
 * rises the other way round. Steps 0 … totalSteps − 1 make the cycle; after it the last values stay. Counts
 * steps by default.
 *
 * @throws RangeError without a length, or for shares and factors out of range
 */
export class OneCycleLR extends Schedule {
  private readonly phases: readonly Phase[];
  private readonly maxLrs: readonly number[];
  private readonly momentum: MomentumCycle | undefined;
  private readonly options: Required<
    Pick<OneCycleOptions, 'annealStrategy' | 'divFactor' | 'finalDivFactor'>
  >;

  constructor(optimizer: Optimizer, ...rest: [options: OneCycleOptions]) {
    const options = optionsOf(new.target.name, rest, {
      maxLr: undefined,
      totalSteps: undefined,
      epochs: undefined,
      stepsPerEpoch: undefined,
      pctStart: 0.3,
      annealStrategy: ['cos', 'linear'],
      cycleMomentum: true,
      baseMomentum: 0.85,
      maxMomentum: 0.95,
      divFactor: 25,
      finalDivFactor: 1e4,
      threePhase: false,
      unit: 'step',
    });
    super(optimizer, options.unit);
    const { pctStart, baseMomentum, maxMomentum, threePhase, maxLr } = options;
    const { annealStrategy, cycleMomentum, divFactor, finalDivFactor } = options;
    const total = options.totalSteps ?? (options.epochs ?? Number.NaN) * options.stepsPerEpoch!;
    if (Number.isNaN(total)) {
      throw new RangeError(`${this.name}: expected totalSteps, or epochs and stepsPerEpoch`);
    }
    checkInteger(this.name, 'totalSteps', total, 2);
    checkNumber(this.name, 'pctStart', pctStart, 0, threePhase ? 0.5 : 1);
    checkNumber(this.name, 'divFactor', divFactor, Number.MIN_VALUE);
    checkNumber(this.name, 'finalDivFactor', finalDivFactor, Number.MIN_VALUE);
    checkNumber(this.name, 'baseMomentum', baseMomentum, 0, 1);
    checkNumber(this.name, 'maxMomentum', maxMomentum, 0, 1);
    this.maxLrs = ratesOf(this.name, 'maxLr', maxLr, optimizer);
    const falling = [maxMomentum, baseMomentum] as const;
    const rising = [baseMomentum, maxMomentum] as const;
    const peak = pctStart * total - 1;
    this.phases = threePhase
      ? [
          { end: peak, lr: ['first', 'max'], momentum: falling },
          { end: 2 * peak, lr: ['max', 'first'], momentum: rising },
          { end: total - 1, lr: ['first', 'last'], momentum: [maxMomentum, maxMomentum] },
        ]
      : [
          { end: peak, lr: ['first', 'max'], momentum: falling },
          { end: total - 1, lr: ['max', 'last'], momentum: rising },
        ];
    this.options = { annealStrategy, divFactor, finalDivFactor };
    this.momentum = cycleMomentum ? new MomentumCycle(optimizer) : undefined;
    this.moveTo(0);
  }

  rateAt(count: number, base: number, i: number): number {
    const { phase, part } = this.phaseAt(count);
    const max = this.maxLrs[i] ?? base;
    return this.between(this.level(phase.lr[0], max), this.level(phase.lr[1], max), part);
  }

  override moveTo(count: number): void {
    super.moveTo(count);
    const { phase, part } = this.phaseAt(count);
    this.momentum?.set(this.between(...phase.momentum, part));
  }

  /** The phase of step `count`, and how much of it has passed. */
  private phaseAt(count: number): { phase: Phase; part: number } {
    let start = 0;
    for (const phase of this.phases) {
      const steps = phase.end - start;
      if (count <= phase.end && steps > 0) return { phase, part: (count - start) / steps };
      start = phase.end;
    }
    return { phase: this.phases.at(-1)!, part: 1 };
  }

  private level(level: Level, max: number): number {
    const { divFactor, finalDivFactor } = this.options;
    if (level === 'max') return max;
    return level === 'first' ? max / divFactor : max / divFactor / finalDivFactor;
  }

  private between(from: number, to: number, part: number): number {
    return this.options.annealStrategy === 'linear'
      ? from + (to - from) * part
      : cosineBetween(from, to, part);
  }
}
