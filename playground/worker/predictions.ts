/** What a network says of samples that it was not trained on. */
import type { Module } from 'evenkeel';
import type { Plane } from '../protocol.ts';

/** Cells on a side of the plane. */
const CELLS = 40;

/** The probability of each class, sample by sample. */
export function probabilitiesOf(
  model: Module,
  data: Float32Array,
  features: number,
): Float32Array[] {
  const logits = model.predict({ data, shape: [data.length / features, features] });
  const [count, classes] = logits.shape as [number, number];
  const values = logits.toArray();
  return Array.from({ length: count }, (_, i) =>
    softmax(values.subarray(i * classes, (i + 1) * classes)),
  );
}

/** The class that a network with two inputs gives each place of [−1, 1]². */
export function planeOf(model: Module): Plane {
  const data = new Float32Array(2 * CELLS * CELLS);
  for (let row = 0; row < CELLS; row++) {
    for (let column = 0; column < CELLS; column++) {
      data.set([coordinate(column), -coordinate(row)], 2 * (row * CELLS + column));
    }
  }
  const probabilities = probabilitiesOf(model, data, 2);
  const certainty = Float32Array.from(probabilities, (p) => Math.max(...p));
  const classes = Uint8Array.from(probabilities, (p, i) => p.indexOf(certainty[i]!));
  return { cells: CELLS, classes, certainty };
}

function coordinate(cell: number): number {
  return (2 * (cell + 0.5)) / CELLS - 1;
}

function softmax(logits: Float32Array): Float32Array {
  const highest = Math.max(...logits);
  const powers = logits.map((logit) => Math.exp(logit - highest));
  const sum = powers.reduce((total, power) => total + power, 0);
  return powers.map((power) => power / sum);
}
