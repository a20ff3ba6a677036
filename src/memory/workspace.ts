/**
 * The memory that the plans of one model share: a block as large as the largest plan needs, reused in
 * every step. Its contents are valid until the model's next run.
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
   * Makes the workspace at least `bytes` large. The old block is released before the larger one is
   * allocated, so that both never exist at once. If the allocation fails, the old block is restored with
   * its contents.
   *
   * @throws RangeError if linear memory cannot grow that far
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
