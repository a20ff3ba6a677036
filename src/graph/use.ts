import { NULL, type Pointer } from '../memory/memory.ts';
import type { Shape } from '../tensor/check.ts';
import { allocateGradients, type Parameter } from '../tensor/parameter.ts';
import type { Operation } from './operation.ts';
import { Slot } from './slot.ts';
import type { Value } from './trace.ts';

/** Where a use writes the gradient of one of its inputs. */
export interface GradientTarget {
  /** The slot that `differentiate` overwrites. */
  readonly slot: Slot;
  /** Where that is added to afterwards, if another use has written the gradient first. */
  readonly into: Slot | undefined;
  /** Whether it is computed in `backward`, or only when the model's input gradient is read. */
  readonly deferred: boolean;
}

/**
 * One use of a layer in a plan: where its input, output, gradients and saved tensors stand. A layer
 * that stands at two places of a model has two uses, so nothing that belongs to one forward is kept
 * on the layer itself.
 */
export class Use {
  output!: Value;
  /** Mode of the recorded forward; false in `predict`. */
  training = false;
  /** Whether a backward may follow. */
  recording = false;
  /** Whatever the layer wants to remember between this use's forward and backward. */
  memo: unknown;

  /** @internal Set by the plan. */
  keepsInput = true;
  /** @internal */
  keepsOutput = true;
  /** @internal */
  kind: 'apart' | 'inPlace' | 'view' = 'apart';
  /** @internal */
  gradientKind: 'apart' | 'inPlace' | 'view' = 'apart';
  /** @internal */
  readonly saved: Slot[] = [];
  /** @internal */
  scratchBytes = 0;
  /** @internal */
  scratchPtr: Pointer = NULL;
  /** @internal By input. */
  targets: (GradientTarget | undefined)[] = [];
  /** @internal */
  deferred = false;

  constructor(
    readonly leaf: Operation,
    public inputs: readonly Value[],
  ) {}

  // --- what `connect` may say ---

  /** Reserves a tensor that `compute` writes and `differentiate` reads. */
  save(shape: Shape): Slot {
    const slot = new Slot(shape);
    this.saved.push(slot);
    return slot;
  }

  /** Asks for scratch memory during each call: the largest of all requests, shared by all layers. */
  reserveScratch(bytes: number): void {
    this.scratchBytes = Math.max(this.scratchBytes, bytes);
  }

  /** Says which of x and y `differentiate` reads; both, unless said otherwise. */
  keeps({ input = false, output = false }: { input?: boolean; output?: boolean }): void {
    this.keepsInput = input;
    this.keepsOutput = output;
  }

  /** `compute` may be given y on top of x (where nobody else needs x). */
  mayOverwriteInput(): void {
    this.kind = 'inPlace';
  }

  /** `differentiate` may be given dx on top of dy. */
  mayOverwriteGradient(): void {
    this.gradientKind = 'inPlace';
  }

  /** y is x under another shape: the two always share their bytes, and dx and dy where they can. */
  isView(): void {
    this.kind = 'view';
    this.gradientKind = 'view';
    this.keeps({});
  }

  // --- what `compute` and `differentiate` read ---

  get x(): Pointer {
    return this.inputs[0]!.slot.ptr;
  }

  /** The i-th input. */
  input(i: number): Pointer {
    return this.inputs[i]!.slot.ptr;
  }

  get y(): Pointer {
    return this.output.slot.ptr;
  }

  /** The gradient with respect to y. */
  get dy(): Pointer {
    return this.output.gradient!.ptr;
  }

  /** Where the gradient with respect to x goes (overwritten); 0 where nobody wants it. */
  get dx(): Pointer {
    return this.inputGradient(0);
  }

  /** Where the gradient with respect to the i-th input goes; 0 where nobody wants it. */
  inputGradient(i: number): Pointer {
    const target = this.targets[i];
    return target && target.deferred === this.deferred ? target.slot.ptr : NULL;
  }

  /**
   * Where a parameter's gradient is added to; 0 where it is frozen or not wanted now. Asking marks the
   * parameter as having a gradient.
   */
  gradient(parameter: Parameter | undefined): Pointer {
    if (!parameter?.requiresGrad || this.deferred) return NULL;
    parameter.touched = true;
    if (!parameter.gradPtr) allocateGradients([parameter]);
    return parameter.gradPtr;
  }

  get scratch(): Pointer {
    return this.scratchPtr;
  }
}
