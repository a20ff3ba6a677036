/** Folding arithmetic: a line y = a·x + b per channel, taken into the weights on either side of it. */

import type { BatchNorm } from '../layers/batchnorm/base.ts';
import { ConvTranspose2d } from '../layers/conv/convtranspose.ts';
import { Linear } from '../layers/linear.ts';
import { Parameter } from '../tensor/parameter.ts';
import { sizesOf, type Weighted } from './weighted.ts';

/** A batch norm in evaluation. */
export interface Line {
  readonly a: Float64Array;
  readonly b: Float64Array;
  /** A channel whose mean is so far from zero that float32 weights would lose digits. */
  readonly far: number | undefined;
}

/**
 * The offset −a·mean meets a·W·x of about its own size and opposite sign: where it is this many times
 * what the channels put out, float32 keeps too few digits of the difference.
 */
const FAR = 64;

/** a = γ/√(running variance + eps), b = β − a·mean. */
export function lineOf(bn: BatchNorm): Line {
  const mean = bn.runningMean!.data.view();
  const variance = bn.runningVar!.data.view();
  const weight = bn.weight?.data.view();
  const bias = bn.bias?.data.view();
  const a = Float64Array.from(variance, (v, j) => (weight?.[j] ?? 1) / Math.sqrt(v + bn.eps));
  const b = a.map((scale, j) => (bias?.[j] ?? 0) - scale * mean[j]!);
  let size = 0;
  for (let j = 0; j < a.length; j++) {
    size = Math.max(size, Math.abs(weight?.[j] ?? 1) + Math.abs(bias?.[j] ?? 0));
  }
  const far = a.findIndex((scale, j) => Math.abs(scale * mean[j]!) > FAR * size);
  return { a, b, far: far < 0 ? undefined : far };
}

/**
 * A layer's weight, [outs, ins/groups, taps] or transposed [ins, outs/groups, taps], and bias in float64,
 * while batch norms are folded into it.
 */
export class FoldedWeights {
  private readonly ins: number;
  private readonly outs: number;
  private readonly groups: number;
  private readonly transposed: boolean;
  private readonly weight: Float64Array;
  private readonly bias: Float64Array;

  constructor(layer: Weighted) {
    const { ins, outs } = sizesOf(layer);
    this.ins = ins;
    this.outs = outs;
    this.groups = layer instanceof Linear ? 1 : layer.groups;
    this.transposed = layer instanceof ConvTranspose2d;
    this.weight = Float64Array.from(layer.weight.data.view());
    this.bias = layer.bias
      ? Float64Array.from(layer.bias.data.view())
      : new Float64Array(this.outs);
  }

  /** W ← a·W, b ← a·b + the line's b: for a line behind the layer. */
  scaleOutputs({ a, b }: Line): void {
    this.each((i, o) => {
      this.weight[i]! *= a[o]!;
    });
    for (let o = 0; o < this.outs; o++) this.bias[o] = this.bias[o]! * a[o]! + b[o]!;
  }

  /** b ← b + W·(the line's b), W ← W·a: for a line before it; input c is its channel channelOf(c). */
  scaleInputs({ a, b }: Line, channelOf: (input: number) => number): void {
    this.each((i, o, c) => {
      const channel = channelOf(c);
      this.bias[o]! += this.weight[i]! * b[channel]!;
      this.weight[i]! *= a[channel]!;
    });
  }

  /** Gives a copy of the layer these weights. */
  assignTo(copy: Weighted): void {
    copy.weight.assign({ data: this.weight, shape: copy.weight.shape });
    const bias = new Parameter({ data: this.bias, shape: [this.outs] });
    copy.bias?.dispose();
    Object.assign(copy, { bias });
  }

  /** Calls visit(index in the weight, output, input). */
  private each(visit: (i: number, o: number, c: number) => void): void {
    const { ins, outs, groups, transposed, weight } = this;
    const [rows, columns] = transposed ? [ins, outs / groups] : [outs, ins / groups];
    const taps = weight.length / (rows * columns);
    let i = 0;
    for (let row = 0; row < rows; row++) {
      const first = Math.floor((row * groups) / rows) * columns;
      for (let column = first; column < first + columns; column++) {
        const [o, c] = transposed ? [column, row] : [row, column];
        for (let tap = 0; tap < taps; tap++) visit(i++, o, c);
      }
    }
  }
}
