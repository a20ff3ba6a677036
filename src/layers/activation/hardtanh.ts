import type { Pointer } from '../../memory/memory.ts';
import { extra } from '../../runtime/extra.ts';
import { checkNumber } from '../../tensor/check.ts';
import { Elementwise } from './elementwise.ts';

/**
 * y = min(max(x, minVal), maxVal)
 *
 * dx = dy where minVal < y < maxVal, else 0. NaN passes. A bound may be infinite. As PyTorch's `nn.Hardtanh`.
 *
 * @throws TypeError or RangeError if a bound is no number, or maxVal is not greater than minVal
 */
export class Hardtanh extends Elementwise {
  /**
   * @param minVal default −1
   * @param maxVal default 1
   */
  constructor(
    readonly minVal = -1,
    readonly maxVal = 1,
    ...rest: []
  ) {
    super(...rest);
    checkNumber('Hardtanh', 'minVal', minVal, -Infinity, Infinity);
    checkNumber('Hardtanh', 'maxVal', maxVal, -Infinity, Infinity);
    if (!(maxVal > minVal)) {
      throw new RangeError(`Hardtanh: maxVal expected above minVal, ${minVal}, got ${maxVal}`);
    }
  }

  protected value(y: Pointer, x: Pointer, n: number): void {
    extra().hardtanhForward(y, x, this.minVal, this.maxVal, 0, n);
  }

  protected gradient(dx: Pointer, y: Pointer, dy: Pointer, n: number): void {
    extra().hardtanhBackward(dx, y, dy, this.minVal, this.maxVal, 0, n);
  }

  override toString(): string {
    return `Hardtanh(${this.minVal}, ${this.maxVal})`;
  }
}

/**
 * y = min(max(x + 3, 0), 6) / 6
 *
 * dx = dy / 6 where −3 < x < 3, else 0. As PyTorch's `nn.Hardsigmoid`.
 */
export class Hardsigmoid extends Elementwise {
  protected override get fromOutput(): boolean {
    return false;
  }

  protected value(y: Pointer, x: Pointer, n: number): void {
    extra().hardsigmoidForward(y, x, 0, n);
  }

  protected gradient(dx: Pointer, x: Pointer, dy: Pointer, n: number): void {
    extra().hardsigmoidBackward(dx, x, dy, 0, n);
  }
}

/**
 * y = x·min(max(x + 3, 0), 6) / 6
 *
 * dx = 0 where x ≤ −3, dy where x ≥ 3, else dy·(x / 3 + ½). As PyTorch's `nn.Hardswish`; Howard et al., 2019
 * (arXiv:1905.02244).
 */
export class Hardswish extends Elementwise {
  protected override get fromOutput(): boolean {
    return false;
  }

  protected value(y: Pointer, x: Pointer, n: number): void {
    extra().hardswishForward(y, x, 0, n);
  }

  protected gradient(dx: Pointer, x: Pointer, dy: Pointer, n: number): void {
    extra().hardswishBackward(dx, x, dy, 0, n);
  }
}
