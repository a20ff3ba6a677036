/** Operations on tensors, such as `mul`, as expressions of Python. */
import type { TensorOperation } from '../ops/operation.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { literal } from './python.ts';

// biome-ignore lint/suspicious/noExplicitAny: of any memo
type Operation = TensorOperation<any>;
/** Gives the expression of an operation on expressions. */
type Write = (
  given: readonly string[],
  args: readonly unknown[],
  ranks: readonly number[],
) => string;

const infix =
  (sign: string): Write =>
  ([a, b]) =>
    `${a} ${sign} ${b}`;

/** A function of torch's: `torch.exp(x)`. */
const named =
  (name: string): Write =>
  (given, args) =>
    `torch.${name}(${[...given, ...args.map(text)].join(', ')})`;

const reduction =
  (name: string): Write =>
  ([x], [dim, keepdim], [rank]) => {
    const dims = dim === undefined ? Array.from({ length: rank! }, (_, axis) => axis) : dim;
    return `torch.${name}(${x}, dim=${text(dims)}${keepdim ? ', keepdim=True' : ''})`;
  };

const along =
  (name: string): Write =>
  ([x], [dim]) =>
    `torch.${name}(${x}, dim=${dim})`;

const joined: Write = (given, [dim]) => `torch.cat([${given.join(', ')}], dim=${dim})`;

/** `x[:, 1:3]`, or counted from the last axis `x[..., 1:3, :]`. */
const slice: Write = ([x], args) => {
  const [dim, start, end, step] = args as [number, number, number | undefined, number];
  const part = `${start === 0 ? '' : start}:${end ?? ''}${step === 1 ? '' : `:${step}`}`;
  const around = Array<string>(dim < 0 ? -dim - 1 : dim).fill(':');
  return `${x}[${(dim < 0 ? ['...', part, ...around] : [...around, part]).join(', ')}]`;
};

const EXPRESSIONS: Readonly<Record<string, Write>> = {
  add: infix('+'),
  sub: infix('-'),
  mul: infix('*'),
  div: infix('/'),
  maximum: named('maximum'),
  minimum: named('minimum'),
  where: ([condition, a, b]) => `torch.where(${condition} != 0, ${a}, ${b})`,
  abs: named('abs'),
  square: named('square'),
  sqrt: named('sqrt'),
  rsqrt: named('rsqrt'),
  exp: named('exp'),
  log: named('log'),
  sigmoid: named('sigmoid'),
  tanh: named('tanh'),
  relu: named('relu'),
  clamp: ([x], [min, max]) => `torch.clamp(${x}, min=${text(min)}, max=${text(max)})`,
  sum: reduction('sum'),
  mean: reduction('mean'),
  // Its mean; the rest of it are other operations.
  variance: reduction('mean'),
  max: reduction('amax'),
  reshape: named('reshape'),
  squeeze: ([x], [dim]) => `torch.squeeze(${x}${dim === undefined ? '' : `, ${dim}`})`,
  unsqueeze: named('unsqueeze'),
  detach: ([x]) => `${x}.detach()`,
  permute: named('permute'),
  transpose: named('transpose'),
  expand: ([x], [shape]) => `${x}.expand(${text(shape)})`,
  concat: joined,
  stack: joined,
  slice,
  split: slice,
  matmul: named('matmul'),
  softmax: along('softmax'),
  logSoftmax: along('log_softmax'),
  embedding: ([indices, weight]) => `F.embedding(${indices}.long(), ${weight})`,
  randn: named('randn'),
  rand: named('rand'),
  bernoulli: ([numbers, p]) => `(${numbers} < ${p}).float()`,
};

/** Operations that take Python's numbers as operands. */
const ARITHMETIC = new Set(['add', 'sub', 'mul', 'div']);

/**
 * The expression of an operation.
 *
 * @param given its operands: expressions, or numbers
 * @param ranks how many axes they have
 * @throws RangeError for an operation without translation
 */
export function operationSource(
  { name, args }: Operation,
  given: readonly (string | number)[],
  ranks: readonly number[],
): string {
  const write = Object.hasOwn(EXPRESSIONS, name) ? EXPRESSIONS[name] : undefined;
  if (!write) {
    throw new RangeError(
      `toPyTorch: ${name}: has no translation: call it in a Layer, and give the Python with { write }`,
    );
  }
  const operands = given.map((each) => {
    if (typeof each === 'string') return each;
    const number = literal(each);
    return ARITHMETIC.has(name) && Number.isFinite(each) ? number : `torch.tensor(${number})`;
  });
  return write(operands, args, ranks);
}

/** The shortest text of a float32 number. */
export function shortest(value: number): number {
  for (let digits = 1; digits < 9; digits++) {
    const rounded = Number(value.toPrecision(digits));
    if (Math.fround(rounded) === value) return rounded;
  }
  return value;
}

/** A tensor of these values. */
export function tensorSource(tensor: Tensor): string {
  const values = Array.from(tensor.view(), (value) => literal(shortest(value)));
  return `torch.tensor([${values.join(', ')}]).reshape(${literal(tensor.shape)})`;
}

function text(value: unknown): string {
  return literal(value as number | readonly number[]);
}
