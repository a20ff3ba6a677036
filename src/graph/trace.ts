import { describe, isPlain } from '../tensor/check.ts';
import { checkExtents, type Shape } from '../tensor/shape.ts';
import { Tensor } from '../tensor/tensor.ts';
import type { Model } from './model.ts';
import { type Operation, Use, Value } from './node.ts';

/** What a composite's `forward` sees while a plan is made: a tensor with a shape but no values yet. */
export class Traced extends Tensor {
  constructor(
    readonly trace: Trace,
    readonly value: Value,
  ) {
    super(value.shape);
  }

  override view(): Float32Array {
    throw new Error(
      "a Module's forward only says how its layers connect: its tensors have shapes but no values: " +
        'for arithmetic use mul and the like, or write a Layer',
    );
  }
}

/** What a model's forward returned: a tensor, or a list or record of tensors. */
export class Returned {
  /**
   * @param values its tensors; one may be there twice
   * @param names their names in the record, or their indices in the list; left out for a single tensor
   * @param isList whether it is a list
   */
  constructor(
    readonly values: readonly Value[],
    readonly names?: readonly string[],
    private readonly isList = false,
  ) {}

  /** What the model's user gets: a tensor, a list or a record like this one. */
  like(make: (value: Value, i: number) => Tensor): unknown {
    const { values, names } = this;
    if (!names) return make(values[0]!, 0);
    const made = values.map(make);
    return this.isList ? made : Object.fromEntries(made.map((tensor, i) => [names[i]!, tensor]));
  }
}

/** A call of a module or an operation: what it gave, and of a composite what it took. */
export interface ModuleOutput {
  readonly module: object;
  readonly value: Value;
  readonly inputs?: readonly Traced[];
  /** Of a composite: the index among the outputs of the first call inside it; its own if there is none. */
  readonly from?: number;
}

/** Follows a model from its inputs to its output, and lists each use of a layer in order. */
export class Trace {
  /** Whether the plan is made, so that no use can be added any more. */
  private closed = false;
  /** The composites whose forward is being followed. */
  private readonly path = new Set<object>();
  readonly uses: Use[] = [];
  readonly inputs: Value[];
  readonly tensors: Traced[];
  /** The output of each layer, operation and composite, in order of their calls' ends. */
  readonly outputs: ModuleOutput[] = [];

  constructor(shapes: readonly Shape[]) {
    this.inputs = shapes.map((shape) => new Value([...shape]));
    this.tensors = this.inputs.map((value) => new Traced(this, value));
  }

  /**
   * Adds a use of `leaf` on `inputs`.
   *
   * @throws RangeError for shapes that the layer cannot take
   */
  use(leaf: Operation, inputs: readonly Traced[]): Traced {
    if (this.closed || inputs.some(({ trace }) => trace !== this)) {
      throw new Error(
        `${leaf}: got a tensor of another forward, which has ended: return from forward what you want ` +
          'to keep',
      );
    }
    if (inputs.length > leaf.maxInputs) {
      throw new RangeError(
        `${leaf}: expected ${leaf.maxInputs === 1 ? 'one input' : `at most ${leaf.maxInputs} inputs`}, ` +
          `got ${inputs.length}`,
      );
    }
    const values = inputs.map((input) => input.value);
    const use = new Use(leaf, values);
    const shape = this.shapeOf(use);
    checkExtents(`${leaf}: output`, shape);
    const output = new Value(shape, use);
    use.output = output;
    if (use.sharing !== 'view') {
      for (const [i, value] of values.entries()) readAs(use, i, value);
    }
    for (const value of values) value.consumers.push(use);
    this.uses.push(use);
    this.outputs.push({ module: leaf, value: output });
    return new Traced(this, output);
  }

  /**
   * Follows the tensors through a composite: what its author's `forward` returns.
   *
   * @throws Error if the composite is part of itself
   */
  through(module: object, inputs: readonly Traced[], forward: () => unknown): unknown {
    if (this.path.has(module)) throw new Error(`${module}: calls itself in its own forward`);
    this.path.add(module);
    const from = this.outputs.length;
    const output = forward();
    this.path.delete(module);
    if (output instanceof Traced) this.outputs.push({ module, value: output.value, inputs, from });
    return output;
  }

  close(): void {
    this.closed = true;
  }

  protected shapeOf(use: Use): Shape {
    return use.leaf.connect(use, ...use.inputs.map((value) => value.shape));
  }
}

/**
 * Notes in which type a use reads its i-th input. The model's own tensors are float32. An input of the
 * model has the type of the first layer that reads it, also through views that only change its shape.
 *
 * @throws TypeError if it is of another type
 */
function readAs(use: Use, i: number, value: Value): void {
  const dtype = use.integers.has(i) ? 'i32' : 'f32';
  const views = [value];
  let source = value;
  while (source.producer?.sharing === 'view') views.push((source = source.producer.inputs[0]!));
  source.dtype ??= source.producer ? 'f32' : dtype;
  if (source.dtype !== dtype) {
    throw new TypeError(
      dtype === 'i32'
        ? `${use.leaf}: input ${i} expected integers, got floating-point numbers: integers must be an ` +
            'input of the model that no other layer reads as floating-point numbers'
        : `${use.leaf}: input ${i} expected floating-point numbers, got the integers that another layer reads`,
    );
  }
  for (const { slot } of views) slot.dtype = dtype;
}

/** Whether a prediction is traced. If so, modules report that they are not in training mode. */
let predicting = false;

export function isTracingPrediction(): boolean {
  return predicting;
}

/**
 * Follows a module from inputs of these shapes to its outputs.
 *
 * @param prediction whether modules report that they are not in training mode, whatever their mode is
 * @throws RangeError for shapes that one of its layers cannot take
 */
export function traceModule(
  module: Model,
  shapes: readonly Shape[],
  prediction = false,
): [Trace, Returned] {
  for (const shape of shapes) checkExtents(`${module}: input`, shape);
  const before = predicting;
  predicting = prediction;
  try {
    return follow(module, new Trace(shapes));
  } finally {
    predicting = before;
  }
}

/** The trace whose model's forward is being followed. */
let active: Trace | undefined;

/** The trace whose model's forward is being followed, for operations that take no traced tensor. */
export function activeTrace(): Trace | undefined {
  return active;
}

/** Calls the module's forward with the tensors of `trace`. */
export function follow(module: Model, trace: Trace): [Trace, Returned] {
  const { tensors } = trace;
  let output: unknown;
  const before = active;
  active = trace;
  try {
    output = module.forward(tensors.length === 1 ? tensors[0]! : tensors);
  } finally {
    active = before;
    trace.close();
  }
  const isList = Array.isArray(output);
  const named = (isList || isPlain(output)) && Object.entries(output as object);
  const values = (named || [['', output]]).map(([name, tensor]) =>
    returnedValue(module, trace, name, tensor),
  );
  if (values.length === 0) {
    throw new TypeError(`${module}: forward must return at least one tensor, got none`);
  }
  checkReached(module, trace);
  const names = named ? named.map(([name]) => name) : undefined;
  return [trace, new Returned(values, names, isList)];
}

/** The value of a tensor that forward returned. */
function returnedValue(module: Model, trace: Trace, name: string, output: unknown): Value {
  if (!(output instanceof Traced) || output.trace !== trace) {
    throw new TypeError(
      `${module}: forward must return the tensor that its layers gave, got ${describe(output)}` +
        (name && ` as ${name}`) +
        (output instanceof Tensor ? ': pass only tensors that come from its argument' : ''),
    );
  }
  if (output.value.slot.dtype === 'i32') {
    throw new TypeError(
      `${module}: forward returned its integer input, and must return numbers that layers made`,
    );
  }
  return output.value;
}

/** @throws Error for a layer that runs but that `parameters()`, `train()` and `stateDict()` do not reach */
function checkReached(module: Model, { uses }: Trace): void {
  const known = new Set<object>(module.namedModules().map(([, below]) => below));
  const held = module.parameters();
  const hidden = uses.find(({ leaf }) =>
    leaf.anonymous ? leaf.ownParameters().some((own) => !held.includes(own)) : !known.has(leaf),
  );
  if (!hidden) return;
  throw new Error(
    `${module}: ${hidden.leaf} runs in its forward but would not be trained or saved: keep it in a ` +
      'property that is not #private',
  );
}
