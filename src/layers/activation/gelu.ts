import type { Pointer } from '../../memory/memory.ts';
import { extra } from '../../runtime/extra.ts';
import { optionsOf } from '../../tensor/options.ts';
import { Elementwise } from './elementwise.ts';

export interface GELUOptions {
  /** `'tanh'` for y = ½·x·(1 + tanh(√(2/π)·(x + 0.044715·x³))). Default `'none'`. */
  approximate?: 'none' | 'tanh';
}

/**
 * y = x·Φ(x), Φ the standard normal distribution's cumulative function
 *
 * dx = dy·(Φ(x) + x·φ(x)), φ = Φ′. As PyTorch's `nn.GELU`; Hendrycks and Gimpel, 2016
 * (arXiv:1606.08415).
 *
 * @throws TypeError if `approximate` is neither 'none' nor 'tanh'
 */
export class GELU extends Elementwise {
  readonly approximate: 'none' | 'tanh';

  constructor(...rest: [options?: GELUOptions | undefined]) {
    super();
    this.approximate = optionsOf('GELU', rest, { approximate: ['none', 'tanh'] }).approximate;
  }

  protected override get fromOutput(): boolean {
    return false;
  }

  protected value(y: Pointer, x: Pointer, n: number): void {
    if (this.approximate === 'tanh') extra().geluTanhForward(y, x, 0, n);
    else extra().geluForward(y, x, 0, n);
  }

  protected gradient(dx: Pointer, x: Pointer, dy: Pointer, n: number): void {
    if (this.approximate === 'tanh') extra().geluTanhBackward(dx, x, dy, 0, n);
    else extra().geluBackward(dx, x, dy, 0, n);
  }

  override toString(): string {
    return this.approximate === 'tanh' ? 'GELU(tanh)' : 'GELU()';
  }
}
