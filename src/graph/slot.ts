import { aligned, NULL, type Pointer, View } from '../memory/memory.ts';
import { type Shape, sizeOf } from '../tensor/shape.ts';

/** The type of a slot's numbers: float32, or integers of 32 bits. */
export type DType = 'f32' | 'i32';

/**
 * A part of a plan's workspace that is live from one moment of the step to another. Slots whose lifetimes
 * do not overlap may share bytes. A slot that shares another's bytes on purpose (in place, or as a view) is
 * its guest.
 */
export class Slot<Name extends string = string> extends View<Name> {
  readonly shape: Shape;
  dtype: DType = 'f32';
  /** First and last moment at which the bytes are live. */
  from = Number.POSITIVE_INFINITY;
  to = Number.NEGATIVE_INFINITY;
  /** Byte offset in the workspace, set by the layout. */
  offset = 0;
  private sharesWith: Slot | undefined;

  constructor(shape: Shape) {
    super(NULL as Pointer<Name>, sizeOf(shape));
    this.shape = shape;
  }

  get bytes(): number {
    return aligned(this.length * 4);
  }

  /** The slot whose bytes these are: itself, unless it is a guest. */
  get host(): Slot {
    return this.sharesWith ? this.sharesWith.host : this;
  }

  /** Extends the lifetime to `moment`. */
  live(moment: number): void {
    this.from = Math.min(this.from, moment);
    this.to = Math.max(this.to, moment);
    if (this.sharesWith) this.host.live(moment);
  }

  /** Makes this slot share the bytes of `other`. */
  share(other: Slot): void {
    const { host } = other;
    this.sharesWith = host;
    host.live(this.from);
    host.live(this.to);
  }

  /** Whether it has a lifetime. */
  get used(): boolean {
    return this.to >= this.from;
  }

  attach(base: Pointer): void {
    this.moveTo((base + this.host.offset) as Pointer<Name>);
  }

  /** Overwrites the numbers, in the slot's type. */
  set(values: ArrayLike<number>): void {
    if (this.dtype === 'f32') this.f32.set(values);
    else this.i32.set(values);
  }
}
