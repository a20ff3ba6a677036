import { channelBiasForward } from '../gemm/bias';
import { at } from '../lanes';
import { LineProduct, writeRuns } from './lines';
import { packWeight, writeTaps } from './pack';
import { fillPadded, inputFloats, padInput } from './padded';
import { layOutProduct, multiplyLines, paddedOf, productScratch } from './product';
import { ConvShape, filterTaps, groupChannels, groupFilters, outPlane } from './shape';

/** Bytes of scratch of conv2dForward. */
export function conv2dForwardScratch(shape: ConvShape): f64 {
  return productScratch(
    groupFilters(shape),
    filterTaps(shape),
    shape.outChannels,
    outPlane(shape),
    shape.outW,
    1,
    inputFloats(shape),
  );
}

/**
 * y[i, o, oh, ow] = bias[o] + Σ_{c, u, v} weight[o, c, u, v] · x[i, c, oh·s − p + u·d, ow·s − p + v·d]
 *
 * with c over the channels of o's group, s the stride, p the padding and d the dilation of each axis, and x
 * zero outside the image; then max(·, 0) with `relu`. This is convolution as in PyTorch, which mathematics
 * calls cross-correlation. For images [from, to). An image's result does not depend on its neighbours.
 */
export function conv2dForward(
  y: usize, // [n, outChannels, outH, outW] f32, overwritten
  x: usize, // [n, channels, h, w] f32
  weight: usize, // [outChannels, channels/groups, kernelH, kernelW] f32
  bias: usize, // [outChannels] f32, or 0
  shape: ConvShape,
  relu: bool,
  from: i32,
  to: i32,
  scratch: usize, // conv2dForwardScratch
): void {
  const plane = outPlane(shape);
  const channels = shape.channels;
  const depth = groupChannels(shape);
  const outChannels = shape.outChannels;
  const m = groupFilters(shape);
  const rowTaps = depth * shape.kernelW;
  const k = rowTaps * shape.kernelH;
  const groups = shape.groups;
  const xPlane = (<usize>(shape.h * shape.w)) << 2;

  const product = changetype<LineProduct>(scratch);
  const padded = paddedOf(product);
  padInput(padded, shape);
  product.lines = shape.outH;
  product.kernelRows = shape.kernelH;
  product.first = -shape.top;
  product.lineStep = shape.strideH;
  product.rowStep = shape.dilationH;
  product.size = shape.h;
  product.m = m;
  product.width = shape.outW;
  product.rowTaps = rowTaps;
  product.rowBytes = (<usize>plane) << 2;
  const weightAt = layOutProduct(product, k, outChannels, plane, shape.outW, 1, padded.floats);
  const together = product.images;
  const packedA = product.a;
  writeTaps(product.taps, weightAt, shape, padded);
  for (let g = 0; g < groups; g++) {
    const group = g * m * k;
    packWeight(at(packedA, group), at(weight, group), (<usize>k) << 2, weightAt, m, k);
  }

  for (let i = from; i < to; i += together) {
    const images = min(together, to - i);
    if (i == from || images < together) {
      product.images = images;
      writeRuns(product.bases, product, 0, padded.floats, shape.strideH * padded.line, 1);
      writeRuns(product.places, product, 0, outChannels * plane, shape.outW, 1);
    }
    for (let g = 0; g < groups; g++) {
      const image = x + <usize>(i * channels + g * depth) * xPlane;
      fillPadded(product.source, image, <usize>channels * xPlane, images, padded);
      product.c = y + <usize>(i * outChannels + g * m) * product.rowBytes;
      product.a = at(packedA, g * m * k);
      multiplyLines(product);
    }
    if (bias || relu) channelBiasForward(y, bias, outChannels, plane, relu, i, i + images);
  }
}
