/** A composite for each operation on tensors, with an input that any number of samples may have. */
import * as E from '../../src/index.ts';

type Forward = (x: E.Tensor, model: Calling) => E.Tensor;

/** A layer, what a function does with its output, and a Parameter of its own. */
export class Calling extends E.Module {
  linear = new E.Linear(6, 6);
  scale: E.Parameter | undefined;

  constructor(
    private readonly then: Forward,
    own = false,
  ) {
    super();
    if (own) this.scale = new E.Parameter(E.Tensor.from([[0.5, 1.5, -1, 2, 0.25, 1]]));
  }

  override forward(x: E.Input): E.Tensor {
    return this.then(this.linear.forward(x), this);
  }
}

const table = { data: [1, -2, 0.1, 0.5, 3, -0.25], shape: [6] };
const rows = { data: Array.from({ length: 12 }, (_, i) => i / 8 - 0.7), shape: [2, 6] };
const inside = (x: E.Tensor) => E.add(E.square(x), 0.5);

/** Each takes [N, 3, 6]. */
export const OPERATIONS: Readonly<Record<string, Forward>> = {
  add: (x) => E.add(x, table),
  addNumber: (x) => E.add(0.1, x),
  sub: (x) => E.sub(2, x),
  mul: (x) => E.mul(x, E.sigmoid(E.mul(x, 0.3))),
  div: (x) => E.div(x, inside(x)),
  neg: (x) => E.neg(x),
  maximum: (x) => E.maximum(x, 0.2),
  minimum: (x) => E.minimum(table, x),
  where: (x) => E.where(E.relu(x), x, -0.5),
  abs: (x) => E.abs(x),
  square: (x) => E.square(x),
  sqrt: (x) => E.sqrt(inside(x)),
  rsqrt: (x) => E.rsqrt(inside(x)),
  exp: (x) => E.exp(x),
  log: (x) => E.log(inside(x)),
  sigmoid: (x) => E.sigmoid(x),
  tanh: (x) => E.tanh(x),
  relu: (x) => E.relu(x),
  clamp: (x) => E.clamp(x, { min: -0.5 }),
  clampBoth: (x) => E.clamp(x, { min: -0.5, max: 0.25 }),
  sum: (x) => E.sum(x, [1, -1]),
  mean: (x) => E.mean(x, 1, { keepdim: true }),
  max: (x) => E.max(x, -1),
  variance: (x) => E.variance(x, -1, { correction: 0, keepdim: true }),
  reshape: (x) => E.reshape(x, [-1, 2, 9]),
  squeeze: (x) => E.squeeze(E.unsqueeze(x, 1), 1),
  unsqueeze: (x) => E.unsqueeze(x, -1),
  permute: (x) => E.permute(x, [0, 2, -2]),
  transpose: (x) => E.transpose(x, 1, -1),
  expand: (x) => E.expand(E.mean(x, 1, { keepdim: true }), [-1, 3, -1]),
  concat: (x) => E.concat([x, E.tanh(x)], -1),
  stack: (x) => E.stack([x, E.tanh(x)], 1),
  slice: (x) => E.slice(x, 2, 1, -1, { step: 2 }),
  sliceLast: (x) => E.slice(x, -2, 1),
  split: (x) => E.add(...(E.split(x, 3, 2) as [E.Tensor, E.Tensor])),
  matmul: (x) => E.matmul(x, E.transpose(x, 1, 2)),
  softmax: (x) => E.softmax(x, -1),
  logSoftmax: (x) => E.logSoftmax(x, 1),
  embedding: (x) => E.add(x, E.embedding({ data: [1, 0, 1], shape: [3] }, rows)),
  twice: (x) =>
    E.add(E.mul(x, rows.data[0]!), E.mul(E.mul(x, x), E.mean(x, -1, { keepdim: true }))),
};

/** Reads a Parameter of its own. */
export const scaled = () => new Calling((x, { scale }) => E.mul(x, scale!), true);
