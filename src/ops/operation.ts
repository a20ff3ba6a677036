/**
 * Operations on tensors. A function such as `mul` may be called anywhere:
 *
 * - in a Module's `forward`, on tensors that pass through: it then becomes a step of the plan, as a layer does;
 * - on tensors with values, at any other place: it computes at once, without gradient. That is a plan of one
 *   operation, which runs once.
 */
import type { Given, Operation, Use, Value } from '../graph/node.ts';
import { Plan } from '../graph/plan.ts';
import { activeTrace, Returned, Trace, Traced } from '../graph/trace.ts';
import { Block } from '../memory/memory.ts';
import { kernels } from '../runtime/engine.ts';
import { Buffer, Parameter } from '../tensor/parameter.ts';
import { type Reading, read } from '../tensor/reading.ts';
import { checkExtents, type Shape } from '../tensor/shape.ts';
import { type Input, Tensor } from '../tensor/tensor.ts';

/** What operations take: a Tensor, flat data with its shape, a Parameter or Buffer of the module, or a number. */
export type Operand = Input | Parameter | Buffer | number;

/** The base of operations on tensors. Each call of a function makes one, for one use. */
export abstract class TensorOperation<Memo = undefined> implements Operation<Memo> {
  readonly anonymous = true;
  readonly training = false;
  readonly maxInputs = Number.POSITIVE_INFINITY;

  constructor(
    readonly name: string,
    /** What the function was called with besides tensors. */
    readonly args: readonly unknown[] = [],
  ) {}

  abstract connect(use: Use<Memo>, ...shapes: Shape[]): Shape;
  abstract run(use: Use<Memo>): void;
  abstract runBackward(use: Use<Memo>): void;
  verify?(use: Use<Memo>, training: boolean, given?: Given): void;

  ownParameters(): Parameter[] {
    return [];
  }

  toString(): string {
    return this.name;
  }
}

// biome-ignore lint/suspicious/noExplicitAny: of any memo
type AnyOperation = TensorOperation<any>;

/** A tensor with values that enters a forward. It is read in every step; it has no gradient. */
export class Constant extends TensorOperation {
  constructor(
    name: string,
    readonly source: Tensor,
    private readonly integers = false,
  ) {
    super(name);
  }

  connect(): Shape {
    return this.source.shape;
  }

  /** Throws for a tensor that cannot be read any more, before the step writes anything. */
  override verify(): void {
    this.source.view();
  }

  run({ output }: Use): void {
    output.slot.set(this.source.view());
  }

  runBackward(): void {}

  /** Adds the constant to a trace. */
  in(trace: Trace): Traced {
    const traced = applyIn(trace, this, []);
    if (this.integers) traced.value.dtype = traced.value.slot.dtype = 'i32';
    return traced;
  }
}

/** A Parameter of the module that enters its forward. */
export class OwnParameter extends TensorOperation {
  constructor(readonly parameter: Parameter) {
    super(`Parameter [${parameter.shape}]`);
  }

  override ownParameters(): Parameter[] {
    return [this.parameter];
  }

  connect(use: Use): Shape {
    use.keeps({});
    return this.parameter.shape;
  }

  run(use: Use): void {
    const n = use.output.slot.length;
    kernels().copyRows(use.y, this.parameter.ptr, 1, n, n, n);
  }

  /** dParameter += dy */
  runBackward(use: Use): void {
    const gradient = use.gradient(this.parameter);
    if (gradient) {
      kernels().addForward(gradient, gradient, use.dy, 0, 0, use.output.slot.length);
    }
  }
}

/**
 * Tensors whose gradient nobody ever wants: constants, random draws, what is detached, and what is made of such
 * alone.
 */
const constants = new WeakSet<Value>();

/** Adds an operation to a trace. */
export function applyIn(trace: Trace, operation: AnyOperation, inputs: readonly Traced[]): Traced {
  const traced = trace.use(operation, inputs);
  const use = traced.value.producer!;
  for (const [i, { value }] of inputs.entries()) if (constants.has(value)) use.noGradient(i);
  const trained = use.constants.size < inputs.length || operation.ownParameters().length > 0;
  if (!trained) constants.add(traced.value);
  return traced;
}

/**
 * Applies an operation: adds it to the plan that is being made if an operand is traced, and computes at once
 * otherwise.
 *
 * @param integers which operand holds integers
 */
export function apply(
  operation: AnyOperation,
  operands: readonly Operand[],
  integers = -1,
): Tensor {
  const trace = traceOf(operands);
  if (!trace) return compute(operation, operands);
  const inputs = operands.map((operand, i) => {
    if (operand instanceof Traced) return operand;
    if (operand instanceof Parameter) return applyIn(trace, new OwnParameter(operand), []);
    return new Constant(`${operation}`, ownTensor(`${operation}`, operand), i === integers).in(
      trace,
    );
  });
  return applyIn(trace, operation, inputs);
}

/** The trace that an operation on these operands belongs to; undefined if they all have values. */
export function traceOf(operands: readonly Operand[]): Trace | undefined {
  const traced = operands.find((operand) => operand instanceof Traced);
  const owned = operands.some((operand) => operand instanceof Parameter);
  return traced ? (traced as Traced).trace : owned ? activeTrace() : undefined;
}

/** A tensor that keeps its values: a result of a model does not. */
function ownTensor(who: string, operand: Input | Buffer | number): Tensor {
  if (operand instanceof Buffer) return operand.data; // which is read in every step
  if (typeof operand === 'number') return Tensor.from(operand);
  const { shape, values } = read(who, operand);
  checkExtents(`${who}: input`, shape);
  if (operand instanceof Tensor && !operand.origin) return operand;
  return new Tensor(shape, Float32Array.from(values));
}

/** Computes an operation at once. */
function compute(operation: AnyOperation, operands: readonly Operand[]): Tensor {
  const who = `${operation}`;
  const readings = operands.map((operand): Reading => {
    if (typeof operand === 'number') return read(who, Tensor.from(operand));
    const stored = operand instanceof Parameter || operand instanceof Buffer;
    return read(who, stored ? operand.data : operand);
  });
  for (const { shape } of readings) checkExtents(`${who}: input`, shape);
  const trace = new Trace(readings.map(({ shape }) => shape));
  const output = trace.use(operation, trace.tensors);
  trace.close();
  const plan = new Plan([trace, new Returned([output.value])], false, []);
  try {
    plan.verify(
      who,
      readings.map(({ values }) => values),
    );
    const workspace = new Block(plan.bytes);
    try {
      plan.attach(workspace.ptr);
      for (const [i, input] of plan.inputs.entries()) input.slot.set(readings[i]!.values);
      plan.forward();
      return new Tensor(output.shape, output.value.slot.f32.slice());
    } finally {
      workspace.release();
    }
  } finally {
    plan.release();
  }
}

/** The values of an input of a use, if they are known before the step: an input of the model, or a constant. */
export function valuesOf(use: Use, i: number, given: Given): ArrayLike<number> | undefined {
  let value: Value = use.inputs[i]!;
  while (value.producer?.sharing === 'view') value = value.producer.inputs[0]!;
  const leaf = value.producer?.leaf;
  return leaf instanceof Constant ? leaf.source.view() : given(value);
}

/** The shape of an operand. */
export function shapeOf(who: string, operand: Operand): Shape {
  if (typeof operand === 'number') return [];
  return operand instanceof Tensor || operand instanceof Parameter || operand instanceof Buffer
    ? operand.shape
    : read(who, operand).shape;
}
