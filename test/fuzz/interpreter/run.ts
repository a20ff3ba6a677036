/** What the layers of the interpreter share: a run, its values, and how one layer is read. */
import type { TestRandom } from '../../support/random.ts';
import type { LayerSpec } from '../net.ts';
import type { Shape } from '../random-layer.ts';

export interface Values {
  readonly shape: Shape;
  readonly data: Float64Array;
}

/** A layer's output, and the gradients of its inputs, given its output's. */
export interface Made {
  readonly y: Values;
  backward(dy: Float64Array): Float64Array[];
}

/** What layers refuse: a batch whose statistics would be of one value. */
export class Refusal extends Error {}

type State = Record<string, Float64Array>;

/** One forward and its backward. */
export class Run {
  readonly gradients: State = {};
  /** Whether a value stands so near to a kink that float32 may decide otherwise. */
  kink = false;

  constructor(
    /** Parameters, buffers and counts by name. Forward changes the running statistics. */
    readonly state: State,
    /** Whether the i-th layer of the network is in training mode. */
    readonly training: (layer: number) => boolean,
    /** Of the generator that draws the masks of dropout. */
    readonly generator: { seed: number; counter: number },
    /** If given, every result gets noise of about float32's rounding. */
    readonly noise?: TestRandom,
  ) {}

  add(name: string, gradient: ArrayLike<number>): void {
    const size = this.state[name]!.length;
    const sum = (this.gradients[name] ??= new Float64Array(size));
    for (let i = 0; i < size; i++) sum[i]! += gradient[i]!;
  }

  /** Values with noise of their size, and of `floor` in all that are not 0. */
  shaken(values: Float64Array, floor = 0.3 * meanSize(values)): Float64Array {
    const { noise } = this;
    if (!noise) return values;
    return values.map((v) => (v === 0 ? 0 : v + 3e-7 * (Math.abs(v) + floor) * noise.normal()));
  }

  /** Notes a kink if one of the distances is small; a 0 is 0 in float32 too. */
  near(values: Float64Array, kink = 0): void {
    for (const v of values) if (v !== kink && Math.abs(v - kink) < 2e-5) this.kink = true;
  }
}

export const sizeOf = (shape: Shape) => shape.reduce((a, b) => a * b, 1);

export function meanSize(values: Float64Array): number {
  let sum = 0;
  for (const v of values) sum += Math.abs(v);
  return sum / values.length;
}

/** Computes a layer from its description; `name` begins the names of its state. */
export type Reader = (
  spec: LayerSpec,
  name: string,
  inputs: readonly Values[],
  run: Run,
  training: boolean,
) => Made;
