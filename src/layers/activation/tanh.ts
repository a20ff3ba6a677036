import type { Pointer } from '../../memory/memory.ts';
import { extra } from '../../runtime/extra.ts';
import { Elementwise } from './elementwise.ts';

/**
 * y = tanh x
 *
 * dx = dy·(1 − y²). As PyTorch's `nn.Tanh`.
 */
export class Tanh extends Elementwise {
  protected value(y: Pointer, x: Pointer, n: number): void {
    extra().tanhForward(y, x, 0, n);
  }

  protected gradient(dx: Pointer, y: Pointer, dy: Pointer, n: number): void {
    extra().tanhBackward(dx, y, dy, 0, n);
  }
}
