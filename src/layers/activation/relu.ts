import type { Pointer } from '../../memory/memory.ts';
import { kernels } from '../../runtime/engine.ts';
import { extra } from '../../runtime/extra.ts';
import { checkNumber } from '../../tensor/check.ts';
import { optionsOf } from '../../tensor/options.ts';
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
    extra().hardtanhForward(y, x, 0, 6, 0, n);
  }

  protected gradient(dx: Pointer, y: Pointer, dy: Pointer, n: number): void {
    extra().hardtanhBackward(dx, y, dy, 0, 6, 0, n);
  }
}

export interface LeakyReLUOptions {
  /** Where the slope changes. Default 0. */
  threshold?: number;
}

/**
 * y = x where x > 0, else negativeSlope·x
 *
 * or, with a `threshold` t, y = x where x > t, else negativeSlope·(x − t). As PyTorch's `nn.LeakyReLU`, which has
 * no threshold; with one as Keras's `ReLU`.
 *
 * @throws TypeError or RangeError if negativeSlope or threshold is no number
 */
export class LeakyReLU extends Elementwise {
  readonly threshold: number;

  /** @param negativeSlope default 0.01 */
  constructor(
    readonly negativeSlope = 0.01,
    ...rest: [options?: LeakyReLUOptions | undefined]
  ) {
    super();
    checkNumber('LeakyReLU', 'negativeSlope', negativeSlope);
    this.threshold = optionsOf('LeakyReLU', rest, { threshold: 0 }).threshold;
  }

  /** With a negative slope, or another threshold, y does not have the sign of x. */
  protected override get fromOutput(): boolean {
    return this.negativeSlope >= 0 && this.threshold === 0;
  }

  protected value(y: Pointer, x: Pointer, n: number): void {
    extra().leakyReluForward(y, x, this.negativeSlope, this.threshold, 0, n);
  }

  protected gradient(dx: Pointer, saved: Pointer, dy: Pointer, n: number): void {
    extra().leakyReluBackward(dx, saved, dy, this.negativeSlope, this.threshold, 0, n);
  }

  override toString(): string {
    const { negativeSlope, threshold } = this;
    return `LeakyReLU(${negativeSlope}${threshold === 0 ? '' : `, threshold=${threshold}`})`;
  }
}
