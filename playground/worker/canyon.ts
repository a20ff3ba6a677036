/** The loss around the present weights: along the gradient, and across it. */
import { CrossEntropyLoss, type Module, type Parameter } from 'evenkeel';
import type { Canyon } from '../protocol.ts';
import type { Samples } from './data.ts';

export const CELLS = 13;
/** How far the square reaches to each side, as a share of the weights' norm. */
const REACH = 0.3;

/**
 * Computes the loss of one batch at CELLS² places, in training mode, because that is what training descends.
 * It yields after each row, so that training need not wait for all of it.
 *
 * @param another the samples of another batch: the second direction is that part of their gradient that
 *   is orthogonal to the first batch's
 * @param probe a copy of the network, whose weights it changes
 */
export function* canyon(
  probe: Module,
  batch: Samples,
  another: Samples,
  { lr, step }: { lr: number; step: number },
): Generator<void, Canyon, void> {
  const loss = new CrossEntropyLoss();
  const parameters = probe.parameters();
  const start = parameters.map(({ data }) => data.toArray());
  const [gradient, other] = [batch, another].map(({ inputs, targets }) => {
    for (const { grad } of parameters) grad?.set(new Float32Array(grad.size));
    loss.forward(probe.forward(inputs), targets);
    probe.backward(loss.backward());
    return parameters.map((parameter) => parameter.grad!.toArray());
  }) as [Float32Array[], Float32Array[]];
  const gradientNorm = norm(gradient);
  const across = orthogonal(other, gradient);
  const { inputs, targets } = batch;
  const losses = new Float32Array(CELLS * CELLS);
  const half = (CELLS - 1) / 2;
  const scale = (REACH * norm(start)) / half;
  for (let row = 0; row < CELLS; row++) {
    for (let column = 0; column < CELLS; column++) {
      const x = (-scale * (column - half)) / (gradientNorm || 1); // downhill is to the right
      const y = scale * (row - half);
      move(parameters, start, gradient, x, across, y);
      losses[row * CELLS + column] = loss.forward(probe.forward(inputs), targets);
    }
    yield;
  }
  loss.dispose();
  return { step, cells: CELLS, losses, reach: REACH, stepLength: (lr * gradientNorm) / scale };
}

type Vectors = readonly Float32Array[];

function move(
  parameters: readonly Parameter[],
  start: Vectors,
  gradient: Vectors,
  x: number,
  across: Vectors,
  y: number,
): void {
  for (const [i, parameter] of parameters.entries()) {
    const [w, g, r] = [start[i]!, gradient[i]!, across[i]!];
    const moved = new Float32Array(w.length);
    for (let j = 0; j < moved.length; j++) moved[j] = w[j]! + x * g[j]! + y * r[j]!;
    parameter.data.set(moved);
  }
}

/** `vectors` without their part along `other`, of length 1. */
function orthogonal(vectors: Float32Array[], other: Vectors): Float32Array[] {
  const square = norm(other) ** 2 || 1;
  let product = 0;
  for (const [i, v] of vectors.entries()) {
    for (const [j, value] of v.entries()) product += value * other[i]![j]!;
  }
  const rest = vectors.map((v, i) =>
    v.map((value, j) => value - (product / square) * other[i]![j]!),
  );
  const length = norm(rest) || 1;
  return rest.map((v) => v.map((value) => value / length));
}

function norm(vectors: Vectors): number {
  return l2(Float32Array.from(vectors, l2));
}

function l2(values: Float32Array): number {
  let squares = 0;
  for (const value of values) squares += value * value;
  return Math.sqrt(squares);
}
