import type { Pointer } from '../../memory/memory.ts';
import { extra } from '../../runtime/extra.ts';
import { Elementwise } from './elementwise.ts';

/**
 * y = x / (1 + |x|)
 *
 * dx = dy / (1 + |x|)². As PyTorch's `nn.Softsign`.
 */
export class Softsign extends Elementwise {
  protected override get fromOutput(): boolean {
    return false;
  }

  protected value(y: Pointer, x: Pointer, n: number): void {
    extra().softsignForward(y, x, 0, n);
  }

  protected gradient(dx: Pointer, x: Pointer, dy: Pointer, n: number): void {
    extra().softsignBackward(dx, x, dy, 0, n);
  }
}
