/**
 * The nodes of a graph: tensors (`Value`), the operations that make them (`Operation`), and each use of an
 * operation (`Use`), which holds the state of the operation at one place of one model.
 */
import { NULL, type Pointer } from '../memory/memory.ts';
import { type Layout, Struct } from '../memory/struct.ts';
import { allocateGradients, type Parameter } from '../tensor/parameter.ts';
import { frozen, type Shape } from '../tensor/shape.ts';
import { type DType, Slot } from './slot.ts';

/** A tensor of a plan: an input of the model, or the output of a use. */
export class Value {
  readonly shape: Shape;
  readonly slot: Slot;
  readonly consumers: Use[] = [];
  /** The loss's gradient with respect to it, once the plan knows that somebody wants it. */
  gradient: Slot | undefined;
  /** Whether a trained parameter comes before it. If so, its gradient is computed in `backward`. */
  trained = false;
  /** The type that layers read it as; undefined before the first layer reads it. */
  dtype: DType | undefined;

  constructor(
    shape: Shape,
    public producer?: Use,
  ) {
    this.shape = frozen(shape);
    this.slot = new Slot(this.shape);
  }
}

/** The values of a model's input; undefined for a tensor that the model makes. */
export type Given = (value: Value) => ArrayLike<number> | undefined;

/**
 * A step of a plan, with its own kernels. Layers are operations (`module/leaf.ts`).
 *
 * @typeParam Memo what a use of it keeps between `connect`, `run` and `runBackward`
 */
export interface Operation<Memo = unknown> {
  readonly training: boolean;

  /** Whether it is an operation on tensors (src/ops), which belongs to no module and has no name. */
  readonly anonymous?: boolean;

  /** How many inputs it takes at most. */
  readonly maxInputs: number;

  /** Whether it is y = max(x, 0), which the operation before it may take over as an epilogue. */
  readonly isReLU?: boolean;

  /**
   * Whether its forward kernels can clamp y at 0 as they write it (`use.relu` then asks for it). The
   * ReLU that follows then needs no pass over memory. In the backward pass dy must be 0 where y ≤ 0: with
   * 'mask' the plan masks dy by y before it calls `runBackward`; with 'fused' the backward kernels do it.
   */
  readonly reluEpilogue?: 'mask' | 'fused' | undefined;

  /**
   * Returns the output's shape for inputs of these shapes, and tells `use` what is saved, how much scratch
   * memory is needed, and which tensors may share memory. Called while a plan is made, before any memory is
   * touched.
   *
   * @throws RangeError for shapes that the operation cannot take
   */
  connect(use: Use<Memo>, ...shapes: Shape[]): Shape;

  /**
   * Throws if the operation cannot run in this mode; called before a step writes anything. `given` returns
   * the values of those inputs that are the model's own, once there are any.
   */
  verify?(use: Use<Memo>, training: boolean, given?: Given): void;

  /** Computes y from x. */
  run(use: Use<Memo>): void;

  /**
   * Computes dx from dy if `use.dx` is not 0 (overwritten), and adds the parameters' gradients if
   * `use.gradient(parameter)` is not 0.
   */
  runBackward(use: Use<Memo>): void;

  /** The parameters that its gradients are added to. */
  ownParameters(): Parameter[];
}

/** The slots of the gradient of one input of a use. */
export interface GradientTarget {
  /** The slot that `runBackward` overwrites. */
  readonly slot: Slot;
  /** The gradient that the slot is added to afterwards, if another use has written that first. */
  readonly into: Slot | undefined;
  /** Whether it is computed in `backward`, or only when the model's input gradient is read. */
  readonly deferred: boolean;
}

/** How an output may share its input's bytes: not at all, in place, or as a view of the same numbers. */
type Sharing = 'none' | 'inPlace' | 'view';

/**
 * One use of a layer in a plan: the slots of its inputs, output, gradients and saved tensors. A layer that
 * a model calls at two places has two uses, so no state of a forward is kept on the layer itself.
 */
// biome-ignore lint/suspicious/noExplicitAny: a plan's uses are of operations of any memo
export class Use<Memo = any> {
  output!: Value;
  /** Mode of the recorded forward; false in `predict`. */
  training = false;
  /** Whether a backward may follow. */
  recording = false;
  /** Whether y is clamped at 0: the use has taken over the ReLU that followed it. */
  relu = false;
  /** What the operation keeps for this use; set in `connect`. */
  memo!: Memo;

  /** @internal Set by the plan. */
  keepsInput = true;
  /** @internal */
  keepsOutput = true;
  /** @internal */
  sharing: Sharing = 'none';
  /** @internal Whether dx may overwrite dy. */
  gradientInPlace = false;
  /** @internal */
  readonly saved: Slot[] = [];
  /** @internal */
  readonly structs: Struct<unknown>[] = [];
  /**
   * @internal Parameters that were frozen when the plan was made: it does not keep the tensors that their
   * gradients need.
   */
  readonly frozen: ReadonlySet<Parameter>;
  /** @internal Inputs that hold integers. */
  readonly integers = new Set<number>();
  /** @internal Inputs that get no gradient. */
  readonly constants = new Set<number>();
  /** @internal */
  scratchBytes = 0;
  /** @internal By input. */
  targets: (GradientTarget | undefined)[] = [];
  /** @internal */
  deferred = false;

  constructor(
    readonly leaf: Operation<Memo>,
    readonly inputs: readonly Value[],
  ) {
    this.frozen = new Set(leaf.ownParameters().filter((parameter) => !parameter.requiresGrad));
  }

  // --- what `connect` may say ---

  /** Reserves a tensor that `run` writes and `runBackward` reads. `Name` brands its pointer. */
  save<Name extends string>(shape: Shape): Slot<Name> {
    const slot = new Slot<Name>(shape);
    this.saved.push(slot);
    return slot;
  }

  /** A struct of sizes for kernels: the plan writes it into memory before the first step. */
  struct<T, Name extends string>(layout: Layout<T, Name>, values: T): Struct<T, Name> {
    const struct = new Struct(layout, values);
    this.structs.push(struct);
    return struct;
  }

  /** Asks for scratch memory during each call: the largest of all requests, shared by all layers. */
  reserveScratch(bytes: number): void {
    this.scratchBytes = Math.max(this.scratchBytes, bytes);
  }

  /** Says which of x and y `runBackward` reads; both, unless said otherwise. */
  keeps({ input = false, output = false }: { input?: boolean; output?: boolean }): void {
    this.keepsInput = input;
    this.keepsOutput = output;
  }

  /** Says that the i-th input has no gradient: a mask, or indices. */
  noGradient(i: number): void {
    this.constants.add(i);
  }

  /** Says that the i-th input holds integers of 32 bits, such as indices, and so has no gradient. */
  takesIntegers(i: number): void {
    this.integers.add(i);
    this.noGradient(i);
  }

  /** Allows `run` to work in place: y may overwrite x, if nothing else needs x. */
  mayOverwriteInput(): void {
    this.sharing = 'inPlace';
  }

  /** Allows `runBackward` to work in place: dx may overwrite dy. */
  mayOverwriteGradient(): void {
    this.gradientInPlace = true;
  }

  /** Says that y is x with another shape. The two always share their bytes, and dx and dy do if they can. */
  isView(): void {
    this.sharing = 'view';
    this.gradientInPlace = true;
    this.keeps({});
  }

  // --- what `run` and `runBackward` read ---

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

  /** The address of the gradient with respect to x, which is overwritten; 0 if nothing needs it. */
  get dx(): Pointer {
    return this.inputGradient(0);
  }

  /** The address of the gradient with respect to the i-th input; 0 if nothing needs it. */
  inputGradient(i: number): Pointer {
    const target = this.targets[i];
    return target && target.deferred === this.deferred ? target.slot.ptr : NULL;
  }

  /**
   * The address of a parameter's gradient, which is added to; 0 if it is frozen or not needed now. The call
   * marks the parameter as having a gradient.
   */
  gradient(parameter: Parameter | undefined): Pointer {
    if (!parameter?.requiresGrad || this.deferred) return NULL;
    if (parameter.disposed || this.frozen.has(parameter)) return NULL;
    parameter.touched = true;
    if (!parameter.gradPtr) allocateGradients([parameter]);
    return parameter.gradPtr;
  }

  /** The scratch memory that `reserveScratch` has asked for; set by the plan. */
  scratch: Pointer = NULL;
}
