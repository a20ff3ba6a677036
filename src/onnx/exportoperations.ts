/** Operations on tensors, such as `mul`, as nodes. */
import type { OperationCall } from '../analysis/operationcall.ts';
import { Parameter } from '../tensor/parameter.ts';
import type { Shape } from '../tensor/shape.ts';
import type { Name } from './draft.ts';
import type { StepDraft } from './step.ts';
import { INT64 } from './tensors.ts';

/** An operation that is being written: its operands by name, and their shapes. */
interface Operands {
  readonly step: StepDraft;
  readonly inputs: readonly Name[];
  readonly shape: Shape;
  readonly args: readonly unknown[];
}

type Write = (operands: Operands) => Name;

const direct =
  (opType: string): Write =>
  ({ step, inputs }) =>
    step.result(opType, inputs);

const positive = (dim: number, rank: number): number => (dim < 0 ? dim + rank : dim);

const reduction =
  (opType: string): Write =>
  ({ step, inputs: [x], shape, args: [dim, keepdim] }) => {
    const dims = dim === undefined ? shape.map((_, axis) => axis) : ([dim].flat() as number[]);
    const axes = step.integers(
      'axes',
      dims.map((each) => positive(each, shape.length)),
    );
    return step.result(opType, [x!, axes], { keepdims: Number(keepdim) });
  };

const reshape: Write = ({ step, inputs: [x] }) => step.result('Reshape', [x!, step.target()]);

const softmax =
  (opType: string): Write =>
  ({ step, inputs, args: [dim] }) =>
    step.result(opType, inputs, { axis: dim as number });

const concat: Write = ({ step, inputs, args: [dim] }) => {
  return step.result('Concat', inputs, { axis: positive(dim as number, step.shape.length) });
};

/** The end beyond every axis, as ONNX has it: the largest 32-bit integer. */
const BEYOND = 0x7fffffff;

const slice: Write = ({ step, inputs: [x], args }) => {
  const [dim, start, end = BEYOND, by] = args as number[];
  const bounds = { starts: start!, ends: end, axes: dim!, steps: by! };
  const parts = Object.entries(bounds).map(([name, value]) => step.integers(name, [value]));
  return step.result('Slice', [x!, ...parts]);
};

const WRITERS: Readonly<Record<string, Write>> = {
  add: direct('Add'),
  sub: direct('Sub'),
  mul: direct('Mul'),
  div: direct('Div'),
  maximum: direct('Max'),
  minimum: direct('Min'),
  where: ({ step, inputs: [condition, a, b] }) => {
    const no = step.node('Equal', [condition!, step.scalar('zero', 0)]);
    return step.result('Where', [no, b!, a!]);
  },
  abs: direct('Abs'),
  square: ({ step, inputs: [x] }) => step.result('Mul', [x!, x!]),
  sqrt: direct('Sqrt'),
  rsqrt: ({ step, inputs }) => step.result('Reciprocal', [step.node('Sqrt', inputs)]),
  exp: direct('Exp'),
  log: direct('Log'),
  sigmoid: direct('Sigmoid'),
  tanh: direct('Tanh'),
  relu: direct('Relu'),
  clamp: ({ step, inputs: [x], args: [min, max] }) =>
    step.result('Clip', [x!, step.scalar('min', min as number), step.scalar('max', max as number)]),
  sum: reduction('ReduceSum'),
  mean: reduction('ReduceMean'),
  // Its mean; the rest of it are other operations.
  variance: reduction('ReduceMean'),
  max: reduction('ReduceMax'),
  reshape,
  squeeze: reshape,
  unsqueeze: reshape,
  detach: direct('Identity'),
  permute: ({ step, inputs, shape, args: [dims] }) => {
    const perm = (dims as number[]).map((dim) => positive(dim, shape.length));
    return step.result('Transpose', inputs, { perm });
  },
  transpose: ({ step, inputs, shape, args }) => {
    const [a, b] = (args as number[]).map((dim) => positive(dim, shape.length));
    const perm = shape.map((_, axis) => (axis === a ? b! : axis === b ? a! : axis));
    return step.result('Transpose', inputs, { perm });
  },
  expand: ({ step, inputs: [x] }) => {
    // An extent of 1 leaves that of x: the one that depends on the number of samples is x's own.
    const extents = step.extents.map((extent) => extent ?? 1);
    return step.result('Expand', [x!, step.integers('shape', extents)]);
  },
  concat,
  stack: concat,
  slice,
  split: slice,
  matmul: direct('MatMul'),
  softmax: softmax('Softmax'),
  logSoftmax: softmax('LogSoftmax'),
  embedding: ({ step, inputs: [indices, weight] }) => {
    return step.result('Gather', [weight!, step.node('Cast', [indices!], { to: INT64 })]);
  },
};

/** @throws RangeError for an operation that ONNX cannot express */
export function writeOperation(step: StepDraft, { operation, operands }: OperationCall): Name {
  const write = Object.hasOwn(WRITERS, operation.name) ? WRITERS[operation.name] : undefined;
  if (!write) {
    throw new RangeError(
      `toONNX: ${step.name}: expected an operation that ONNX can express, got ${operation}: cut the model before it`,
    );
  }
  const read = [...step.inputs];
  const inputs = operands.map((operand, i) => {
    if (!operand) return read.shift()!;
    if (operand instanceof Parameter) return step.parameter(operand, `operand${i}`);
    return step.floats(`operand${i}`, operand.toArray() as Float32Array, operand.shape);
  });
  const shape = operands[0]?.shape ?? step.inputShape;
  return write({ step, inputs, shape, args: operation.args });
}
