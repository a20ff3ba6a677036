/**
 * The memory that the plans of one model share: one block as large as the largest of them, reused
 * from step to step. What stands in it is meaningful until the model's next run.
 */
import { Block, NULL, type Pointer, releaseWithOwner } from './memory.ts';

export class Workspace {
  private block: Block | undefined;

  get bytes(): number {
    return this.block?.bytes ?? 0;
  }

  get ptr(): Pointer {
    return this.block?.ptr ?? NULL;
  }

  /**
   * Makes room for `bytes`. Where it has to move, the old block goes first, so that the two never
   * stand side by side; if the larger one cannot be had, the old one is taken back as it was.
   *
   * @throws RangeError where memory cannot grow that far
   */
  reserve(bytes: number): void {
    if (bytes <= this.bytes) return;
    const old = this.block;
    old?.release();
    try {
      this.block = new Block(bytes);
      releaseWithOwner(this, this.block);
    } catch (error) {
      if (old) {
        old.retake();
        releaseWithOwner(this, old);
      }
      throw error;
    }
  }

  release(): void {
    this.block?.release();
    this.block = undefined;
  }
}
