import type { Pointer } from '../../memory/memory.ts';
import { extra } from '../../runtime/extra.ts';
import { optionsOf } from '../../tensor/options.ts';
import { Elementwise } from './elementwise.ts';

export interface SoftplusOptions {
  /** How sharply the curve bends. Default 1. */
  beta?: number;
  /** Where beta·x exceeds it, y is x. Default 20. */
  threshold?: number;
}

/**
 * y = ln(1 + e^βx) / β, or x where βx > threshold
 *
 * dx = dy·σ(βx), or dy. As PyTorch's `nn.Softplus`.
 *
 * @throws TypeError or RangeError for options of another kind, or a beta that is 0
 */
export class Softplus extends Elementwise {
  readonly beta: number;
  readonly threshold: number;

  constructor(...rest: [options?: SoftplusOptions | undefined]) {
    super();
    const { beta, threshold } = optionsOf('Softplus', rest, { beta: 1, threshold: 20 });
    if (Math.fround(beta) === 0) {
      throw new RangeError(`Softplus: beta expected a number other than 0, got ${beta}`);
    }
    this.beta = beta;
    this.threshold = threshold;
  }

  protected override get fromOutput(): boolean {
    return false;
  }

  protected value(y: Pointer, x: Pointer, n: number): void {
    extra().softplusForward(y, x, this.beta, this.threshold, 0, n);
  }

  protected gradient(dx: Pointer, x: Pointer, dy: Pointer, n: number): void {
    extra().softplusBackward(dx, x, dy, this.beta, this.threshold, 0, n);
  }

  override toString(): string {
    const { beta, threshold } = this;
    return beta === 1 && threshold === 20
      ? 'Softplus()'
      : `Softplus(beta=${beta}, threshold=${threshold})`;
  }
}

/**
 * y = x·tanh(ln(1 + eˣ))
 *
 * dx = dy·(t + x·(1 − t²)·σ(x)), t = tanh(ln(1 + eˣ)). As PyTorch's `nn.Mish`; Misra, 2019 (arXiv:1908.08681).
 */
export class Mish extends Elementwise {
  protected override get fromOutput(): boolean {
    return false;
  }

  protected value(y: Pointer, x: Pointer, n: number): void {
    extra().mishForward(y, x, 0, n);
  }

  protected gradient(dx: Pointer, x: Pointer, dy: Pointer, n: number): void {
    extra().mishBackward(dx, x, dy, 0, n);
  }
}
