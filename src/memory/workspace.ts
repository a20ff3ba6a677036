/**
 * The memory that the plans of one model share: a block as large as the largest plan needs, reused in
 * every step.
 *
 * Models that do not run at the same time share blocks as well. When a model's step is over, it offers its
 * workspace to others, and the next model that needs one of about that size takes it, instead of more linear
 * memory. What may still be read of the results is then copied to ordinary arrays. So models that are
 * dropped without `dispose()` leave no workspaces behind.
 */
import { Block, NULL, type Pointer, releaseWithOwner, type View } from './memory.ts';

/** The workspaces that are offered. They do not refer to their owners, which remain garbage-collectable. */
const offered = new Set<Workspace>();

export class Workspace {
  private block: Block | undefined;
  /** The workspace that allocated the block. It gets the block back when this one is released. */
  private home: Workspace = this;
  private gone = false;
  private spare: (() => boolean) | undefined;
  private results: readonly View[] = [];
  private copies: readonly Float32Array[] | undefined;

  /** @param owner releases the workspace when it is garbage-collected */
  constructor(owner: object) {
    releaseWithOwner(owner, this);
  }

  get bytes(): number {
    return this.block?.bytes ?? 0;
  }

  get ptr(): Pointer {
    return this.block?.ptr ?? NULL;
  }

  /** The results that were offered together with the workspace, if the workspace was taken since. */
  get kept(): readonly Float32Array[] | undefined {
    return this.copies;
  }

  /**
   * Lets other models take the block, from when `spare` is true.
   *
   * @param results what may still be read; it is copied when the block is taken
   */
  offer(spare: () => boolean, results: readonly View[] = []): void {
    this.spare = spare;
    this.results = results;
    if (this.block) offered.add(this);
  }

  /** Ends the offer: a step begins. */
  hold(): void {
    offered.delete(this);
    this.spare = undefined;
  }

  /**
   * Makes the workspace at least `bytes` large. The old block is released before the larger one is
   * allocated, so that both never exist at once. If the allocation fails, the old block is restored with
   * its contents.
   *
   * @param shared whether it may take what others offer
   * @throws RangeError if linear memory cannot grow that far
   */
  reserve(bytes: number, shared = false): void {
    if (bytes > this.bytes) {
      const lender = shared ? lenderOf(bytes) : undefined;
      if (lender) this.take(lender);
      else this.grow(bytes);
    }
    this.copies = undefined;
  }

  private take(lender: Workspace): void {
    const { home } = lender;
    const block = lender.surrender();
    this.giveBack();
    this.block = block;
    this.home = home;
  }

  private grow(bytes: number): void {
    const { block, home } = this;
    const own = home === this;
    if (own) block?.release();
    try {
      this.block = allocate(bytes);
    } catch (error) {
      if (own) block?.retake();
      throw error;
    }
    if (!own) home.accept(block!);
    this.home = this;
  }

  release(): void {
    this.hold();
    this.gone = true;
    this.giveBack();
    this.copies = undefined;
  }

  /** Whether the block may be taken now. */
  get isSpare(): boolean {
    return this.spare!();
  }

  /** Gives up the block. The results can be read afterwards. */
  surrender(): Block {
    const block = this.block!;
    this.copies ??= this.results.map(({ f32 }) => f32.slice());
    this.block = undefined;
    this.home = this;
    offered.delete(this);
    return block;
  }

  /** Takes back the block that it has allocated, unless it has another one by now. */
  private accept(block: Block): void {
    if (this.gone || this.block) {
      block.release();
      return;
    }
    this.block = block;
    if (this.spare) offered.add(this);
  }

  private giveBack(): void {
    const { block, home } = this;
    this.block = undefined;
    this.home = this;
    if (home === this) block?.release();
    else home.accept(block!);
  }
}

/** The smallest block on offer that fits, and is not much too large. */
function lenderOf(bytes: number): Workspace | undefined {
  let best: Workspace | undefined;
  for (const workspace of offered) {
    const size = workspace.bytes;
    if (size < bytes || size > 2 * bytes + 65_536 || (best && best.bytes <= size)) continue;
    if (workspace.isSpare) best = workspace;
  }
  return best;
}

/** A new block. If there is no room for it, all blocks on offer are released first. */
function allocate(bytes: number): Block {
  try {
    return new Block(bytes);
  } catch (error) {
    const spare = [...offered].filter(({ isSpare }) => isSpare);
    if (spare.length === 0) throw error;
    for (const workspace of spare) workspace.surrender().release();
    return new Block(bytes);
  }
}
