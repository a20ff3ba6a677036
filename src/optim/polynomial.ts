import { common } from '../runtime/common.ts';
import { checkInteger, checkNumber } from '../tensor/check.ts';
import { optionsOf } from '../tensor/options.ts';
import type { Optimizer } from './optimizer.ts';
import { cosineBetween, Schedule, type UnitOption } from './schedule.ts';

/**
 * lr = base·(1 − min(count, totalIters)/totalIters)^power (PyTorch's PolynomialLR). Counts epochs by default.
 */
export class PolynomialLR extends Schedule {
  private readonly totalIters: number;
  private readonly power: number;

  /** @param options totalIters 5; power 1; unit 'epoch' */
  constructor(
    optimizer: Optimizer,
    ...rest: [options?: ({ totalIters?: number; power?: number } & UnitOption) | undefined]
  ) {
    const table = { totalIters: 5, power: 1, unit: 'epoch' } as const;
    const { totalIters, power, unit } = optionsOf(new.target.name, rest, table);
    super(optimizer, unit);
    checkInteger(this.name, 'totalIters', totalIters);
    checkNumber(this.name, 'power', power, 0);
    this.totalIters = totalIters;
    this.power = power;
    this.moveTo(0);
  }

  rateAt(count: number, base: number): number {
    const { totalIters, power } = this;
    const left = 1 - Math.min(count, totalIters) / totalIters;
    return base * common().powF64(left, power);
  }
}

/**
 * lr = etaMin + (base − etaMin)·(1 + cos(π·c/T))/2, c the count since the last restart and T the length of its cycle:
 * t0, then each tMult times as long as the one before (PyTorch's CosineAnnealingWarmRestarts; Loshchilov and Hutter,
 * 2017). Counts epochs by default; for fractions of epochs give t0 in steps and `unit: 'step'`.
 */
export class CosineAnnealingWarmRestarts extends Schedule {
  private readonly t0: number;
  private readonly tMult: number;
  private readonly etaMin: number;

  /** @param options t0; tMult 1; etaMin 0; unit 'epoch' */
  constructor(
    optimizer: Optimizer,
    ...rest: [options: { t0: number; tMult?: number; etaMin?: number } & UnitOption]
  ) {
    const table = { t0: undefined, tMult: 1, etaMin: 0, unit: 'epoch' } as const;
    const { t0, tMult, etaMin, unit } = optionsOf(new.target.name, rest, table);
    super(optimizer, unit);
    checkInteger(this.name, 't0', t0!);
    checkInteger(this.name, 'tMult', tMult);
    checkNumber(this.name, 'etaMin', etaMin, 0);
    this.t0 = t0!;
    this.tMult = tMult;
    this.etaMin = etaMin;
    this.moveTo(0);
  }

  rateAt(count: number, base: number): number {
    const { tMult, etaMin } = this;
    let length = this.t0;
    let since = tMult === 1 ? count % length : count;
    while (since >= length) {
      since -= length;
      length *= tMult;
    }
    return cosineBetween(base, etaMin, since / length);
  }
}
