import type { Pointer } from '../../memory/memory.ts';
import { kernels } from '../../runtime/engine.ts';
import { extra } from '../../runtime/extra.ts';
import { checkNumber } from '../../tensor/check.ts';
import { Elementwise } from './elementwise.ts';

/**
 * y = max(x, 0)
 *
 * dx = dy where y > 0, else 0. NaN passes. As PyTorch's `nn.ReLU`.
 */
export class ReLU extends Elementwise {
  override get isReLU(): boolean {
    return true;
  }

  protected value(y: Pointer, x: Pointer, n: number): void {
    kernels().reluForward(y, x, 0, n);
  }

  protected gradient(dx: Pointer, y: Pointer, dy: Pointer, n: number): void {
    kernels().reluBackward(dx, y, dy, 0, n);
  }
}

/**
 * y = min(max(x, 0), 6)
 *
 * dx = dy where 0 < y < 6, else 0. NaN passes. As PyTorch's `nn.ReLU6`.
 */
export class ReLU6 extends Elementwise {
  protected value(y: Pointer, x: Pointer, n: number): void {
    extra().relu6Forward(y, x, 0, n);
  }

  protected gradient(dx: Pointer, y: Pointer, dy: Pointer, n: number): void {
    extra().relu6Backward(dx, y, dy, 0, n);
  }
}

/**
 * y = x where x > 0, else negativeSlope·x
 *
 * As PyTorch's `nn.LeakyReLU`.
 *
 * @throws TypeError or RangeError if negativeSlope is no number
 */
export class LeakyReLU extends Elementwise {
  /** @param negativeSlope default 0.01 */
  constructor(
    readonly negativeSlope = 0.01,
    ...rest: []
  ) {
    super(...rest);
    checkNumber('LeakyReLU', 'negativeSlope', negativeSlope);
  }

  /** With a negative slope y does not have the sign of x. */
  protected override get fromOutput(): boolean {
    return this.negativeSlope >= 0;
  }

  protected value(y: Pointer, x: Pointer, n: number): void {
    extra().leakyReluForward(y, x, this.negativeSlope, 0, n);
  }

  protected gradient(dx: Pointer, saved: Pointer, dy: Pointer, n: number): void {
    extra().leakyReluBackward(dx, saved, dy, this.negativeSlope, 0, n);
  }

  override toString(): string {
    return `LeakyReLU(${this.negativeSlope})`;
  }
}
