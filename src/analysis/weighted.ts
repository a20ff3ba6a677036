/** The layers that a batch norm can be folded into, or stand in front of in vain: those with weights. */

import type { Value } from '../graph/node.ts';
import type { BatchNorm } from '../layers/batchnorm/base.ts';
import { BatchNorm1d } from '../layers/batchnorm/batchnorm.ts';
import { Conv } from '../layers/conv/conv.ts';
import { ConvTranspose2d } from '../layers/conv/convtranspose.ts';
import { Linear } from '../layers/linear.ts';

export type Weighted = Linear | Conv | ConvTranspose2d;

export function isWeighted(leaf: unknown): leaf is Weighted {
  return [Linear, Conv, ConvTranspose2d].some((Layer) => leaf instanceof Layer);
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
export function mixesChannelsOf(bn: BatchNorm, layer: Weighted, { shape }: Value): boolean {
  if (!(layer instanceof Linear)) return !bn.channelsLast;
  // Without a shape [N, C] is assumed, and checked when the network runs.
  return (
    bn.channelsLast || (bn instanceof BatchNorm1d && (shape.length === 0 || shape.length === 2))
  );
}
