/** Folding arithmetic: a line y = a·x + b per channel, taken into the weights on either side of it. */

import type { Value } from '../graph/node.ts';
import type { BatchNorm } from '../layers/batchnorm/base.ts';
import { BatchNorm1d } from '../layers/batchnorm/batchnorm.ts';
import { Conv } from '../layers/conv/conv.ts';
import { ConvTranspose2d } from '../layers/conv/convtranspose.ts';
import { Linear } from '../layers/linear.ts';
import { Parameter } from '../tensor/parameter.ts';

/** A batch norm in evaluation. */
export interface Line {
  readonly a: Float64Array;
  readonly b: Float64Array;
  /** A channel whose mean is so far from zero that float32 weights would lose digits. */
  readonly far: number | undefined;
}

export type Weighted = Linear | Conv | ConvTranspose2d;

export function isWeighted(leaf: unknown): leaf is Weighted {
  return [Linear, Conv, ConvTranspose2d].some((Layer) => leaf instanceof Layer);
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

/** Channels in and out. */
export function sizesOf(layer: Weighted): { ins: number; outs: number } {
  return layer instanceof Linear
    ? { ins: layer.inFeatures, outs: layer.outFeatures }
    : { ins: layer.inChannels, outs: layer.outChannels };
}

/** Why a shift of a layer's inputs is not one constant of its outputs, where it is not. */
export function edgesOf(layer: Weighted): string | undefined {
  if (layer instanceof ConvTranspose2d)
    return 'has fewer inputs at its edges, where a shift would show';
  const padded = layer instanceof Conv && layer.padding.some((zeros) => zeros > 0);
  return padded ? 'pads with zeros, which do not pass through the batch norm' : undefined;
}

/** Whether a batch norm's channels are the axis that a layer mixes, in the tensor between them. */
export function meets(bn: BatchNorm, layer: Weighted, { shape }: Value): boolean {
  if (!(layer instanceof Linear)) return !bn.channelsLast;
  // Without a shape [N, C] is assumed, and checked when the network runs.
  return (
    bn.channelsLast || (bn instanceof BatchNorm1d && (shape.length === 0 || shape.length === 2))
  );
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
