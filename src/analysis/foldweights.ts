/** The arithmetic of folding: a map y = a·x + b per channel is merged into the weights before or after it. */

import type { BatchNorm } from '../layers/batchnorm/base.ts';
import { ConvTranspose2d } from '../layers/conv/convtranspose.ts';
import { Linear } from '../layers/linear.ts';
import { Parameter } from '../tensor/parameter.ts';
import { sizesOf, type Weighted } from './weighted.ts';

/** A batch norm in evaluation: y = a·x + b per channel. */
export interface ChannelAffine {
  readonly a: Float64Array;
  readonly b: Float64Array;
  /** A channel whose mean is so far from zero that float32 weights would lose precision. */
  readonly far: number | undefined;
}

/**
 * The folded layer adds −a·mean to a·W·x, which is of about the same size and opposite sign. If a·mean
 * exceeds this multiple of the batch norm's output, float32 keeps too few digits of the sum.
 */
const FAR = 64;

/** a = γ/√(running variance + eps), b = β − a·mean. */
export function affineOf(bn: BatchNorm): ChannelAffine {
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
 * The weight and bias of a layer in float64, while batch norms are folded into them. The weight is
 * [outs, ins/groups, taps], or [ins, outs/groups, taps] for a transposed convolution.
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

  /** Merges a map that follows the layer: W ← a·W, bias ← a·bias + b. */
  scaleOutputs({ a, b }: ChannelAffine): void {
    this.each((i, o) => {
      this.weight[i]! *= a[o]!;
    });
    for (let o = 0; o < this.outs; o++) this.bias[o] = this.bias[o]! * a[o]! + b[o]!;
  }

  /**
   * Merges a map that precedes the layer: bias ← bias + W·b, W ← W·a.
   *
   * @param channelOf gives the map's channel for an input of the layer; they differ after a Flatten
   */
  scaleInputs({ a, b }: ChannelAffine, channelOf: (input: number) => number): void {
    this.each((i, o, c) => {
      const channel = channelOf(c);
      this.bias[o]! += this.weight[i]! * b[channel]!;
      this.weight[i]! *= a[channel]!;
    });
  }

  /** Assigns the folded weight and bias to a copy of the layer. */
  assignTo(copy: Weighted): void {
    copy.weight.assign({ data: this.weight, shape: copy.weight.shape });
    const bias = new Parameter({ data: this.bias, shape: [this.outs] });
    copy.bias?.dispose();
    Object.assign(copy, { bias });
  }

  /** Calls visit(i, o, c) for each element i of the weight, which connects input c to output o. */
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
