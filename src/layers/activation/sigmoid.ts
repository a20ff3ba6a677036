import type { Pointer } from '../../memory/memory.ts';
import { extra } from '../../runtime/extra.ts';
import { Elementwise } from './elementwise.ts';

/**
 * y = σ(x) = 1 / (1 + e⁻ˣ)
 *
 * dx = dy·y·(1 − y). As PyTorch's `nn.Sigmoid`, but small results keep their relative accuracy down to the
 * denormals. Before a binary loss, leave it out and use `BCEWithLogitsLoss`.
 */
export class Sigmoid extends Elementwise {
  protected value(y: Pointer, x: Pointer, n: number): void {
    extra().sigmoidForward(y, x, 0, n);
  }

  protected gradient(dx: Pointer, y: Pointer, dy: Pointer, n: number): void {
    extra().sigmoidBackward(dx, y, dy, 0, n);
  }
}

/**
 * y = x·σ(x), also called swish
 *
 * dx = dy·σ(x)·(1 + x·(1 − σ(x))). As PyTorch's `nn.SiLU`.
 */
export class SiLU extends Elementwise {
  protected override get fromOutput(): boolean {
    return false;
  }

  protected value(y: Pointer, x: Pointer, n: number): void {
    extra().siluForward(y, x, 0, n);
  }

  protected gradient(dx: Pointer, x: Pointer, dy: Pointer, n: number): void {
    extra().siluBackward(dx, x, dy, 0, n);
  }
}
