import type { Pointer } from '../../memory/memory.ts';
import { extra } from '../../runtime/extra.ts';
import { checkNumber } from '../../tensor/check.ts';
import { Elementwise } from './elementwise.ts';

/**
 * y = x where x > 0, else α·(eˣ − 1)
 *
 * dx = dy where x > 0, else dy·α·eˣ. As PyTorch's `nn.ELU`; Clevert et al., 2015
 * (arXiv:1511.07289).
 *
 * @throws TypeError or RangeError if alpha is no number
 */
export class ELU extends Elementwise {
  /** @param alpha default 1 */
  constructor(
    readonly alpha = 1,
    ...rest: []
  ) {
    super(...rest);
    checkNumber('ELU', 'alpha', alpha);
  }

  /** Far to the left y is −α, to all digits, and does not tell x. */
  protected override get fromOutput(): boolean {
    return false;
  }

  protected value(y: Pointer, x: Pointer, n: number): void {
    extra().eluForward(y, x, this.alpha, 1, 0, n);
  }

  protected gradient(dx: Pointer, x: Pointer, dy: Pointer, n: number): void {
    extra().eluBackward(dx, x, dy, this.alpha, 1, 0, n);
  }

  override toString(): string {
    return `ELU(${this.alpha})`;
  }
}

/** SELU's α and scale, with which activations keep mean 0 and variance 1 (the paper, equation 14). */
const ALPHA = 1.6732632423543772;
const SCALE = 1.0507009873554805;

/**
 * y = s·x where x > 0, else s·α·(eˣ − 1), with s = 1.0507… and α = 1.6733…
 *
 * dx = s·dy where x > 0, else dy·s·α·eˣ. As PyTorch's `nn.SELU`; Klambauer et al., 2017
 * (arXiv:1706.02515).
 */
export class SELU extends Elementwise {
  protected override get fromOutput(): boolean {
    return false;
  }

  protected value(y: Pointer, x: Pointer, n: number): void {
    extra().eluForward(y, x, SCALE * ALPHA, SCALE, 0, n);
  }

  protected gradient(dx: Pointer, x: Pointer, dy: Pointer, n: number): void {
    extra().eluBackward(dx, x, dy, SCALE * ALPHA, SCALE, 0, n);
  }
}
