import { channelBiasForward } from '../gemm/bias';
import { KC } from '../gemm/gemm';
import { MR, TILE_BYTES } from '../gemm/microkernel';
import { at } from '../lanes';
import { multiplyLines, positionsByRun, resultBytes } from './lines';
import {
  extent,
  fillWindow,
  imagesTogether,
  lineLength,
  PIXELS,
  packIndexed,
  panels,
  tableLength,
} from './window';

/**
 * Two-dimensional convolution (cross-correlation, as in PyTorch), NCHW, as an implicit matrix
 * product: the weight is A, [outC/groups, taps], and the column matrix B is never written, its
 * panels are packed from a window (conv2d/window.ts), line by line (conv2d/lines.ts).
 *
 * Scratch of the forward pass, in order: a ragged tile; results on their way to y; panels of B; the weight, packed; the bases
 * and the places in y of a block's positions; the offsets of the taps and their weights; the windows
 * of a block.
 */

/**
 * Bytes of a block's packed panels: at most KC deep and PIXELS wide.
 * @inline
 */
export function panelBytes(positions: i32, k: i32): usize {
  return (<usize>min(k, KC) * <usize>panels(min(positions, PIXELS))) << 2;
}

/**
 * Floats of the window of `channels` channels.
 * @inline
 */
export function windowFloats(
  channels: i32,
  outH: i32,
  outW: i32,
  kernelH: i32,
  kernelW: i32,
  strideH: i32,
  strideW: i32,
  dilationH: i32,
  dilationW: i32,
): i32 {
  const line = lineLength(extent(outW, kernelW, strideW, dilationW), strideW);
  return channels * extent(outH, kernelH, strideH, dilationH) * line;
}

/** Bytes of scratch of conv2dForward. */
export function conv2dForwardScratch(
  channels: i32,
  outChannels: i32,
  outH: i32,
  outW: i32,
  kernelH: i32,
  kernelW: i32,
  strideH: i32,
  strideW: i32,
  dilationH: i32,
  dilationW: i32,
  groups: i32,
): usize {
  const plane = outH * outW;
  const k = (channels / groups) * kernelH * kernelW;
  const floats = windowFloats(
    channels / groups,
    outH,
    outW,
    kernelH,
    kernelW,
    strideH,
    strideW,
    dilationH,
    dilationW,
  );
  const images = imagesTogether(plane, outW, floats);
  const tables = (2 * (tableLength(images * plane) + tableLength(k))) << 2;
  const packed = (<usize>outChannels * <usize>k) << 2;
  const fixed = <usize>(TILE_BYTES + tables + ((images * floats) << 2));
  const results = resultBytes(outChannels / groups, images * plane);
  return fixed + results + panelBytes(images * plane, k) + packed;
}

/** taps[i, c, j]: how far beyond a position's first tap each tap lies, in bytes, and its weight. */
export function tapOffsets(
  taps: usize, // [tableLength(kernelH·channels·kernelW)] i32, the last repeated
  sources: usize, // the same: offsets in a filter
  channels: i32,
  kernelH: i32,
  kernelW: i32,
  dilationH: i32,
  dilationW: i32,
  strideW: i32,
  line: i32,
  plane: i32, // floats of one channel's window
): void {
  const run = line / strideW;
  let t = 0;
  let last = 0;
  for (let i = 0; i < kernelH; i++) {
    for (let c = 0; c < channels; c++) {
      for (let j = 0; j < kernelW; j++) {
        const column = j * dilationW;
        last = c * plane + i * dilationH * line + (column % strideW) * run + column / strideW;
        store<i32>(at(taps, t), last << 2);
        store<i32>(at(sources, t), ((c * kernelH + i) * kernelW + j) << 2);
        t++;
      }
    }
  }
  for (; t < tableLength(channels * kernelH * kernelW); t++) store<i32>(at(taps, t), last << 2);
}

/**
 * y[i, o, oh, ow] = b[o] + Σ_{c, u, v} weight[o, c, u, v] · x[i, c, oh·s − p + u·d, ow·s − p + v·d],
 * c over the channels of o's group and x zero outside the image; then max(·, 0) with `relu`. For images
 * [from, to). An image's numbers do not depend on its neighbours.
 */
export function conv2dForward(
  y: usize, // [n, outChannels, outH, outW] f32, overwritten
  x: usize, // [n, channels, h, w] f32
  weight: usize, // [outChannels, channels/groups, kernelH, kernelW] f32
  bias: usize, // [outChannels] f32, or 0
  channels: i32,
  h: i32,
  w: i32,
  outChannels: i32,
  outH: i32,
  outW: i32,
  kernelH: i32,
  kernelW: i32,
  strideH: i32,
  strideW: i32,
  top: i32, // padding; that below and to the right follows from outH and outW
  left: i32,
  dilationH: i32,
  dilationW: i32,
  groups: i32,
  relu: bool,
  from: i32,
  to: i32,
  scratch: usize, // conv2dForwardScratch
): void {
  const plane = outH * outW;
  const depth = channels / groups;
  const height = outChannels / groups;
  const k = depth * kernelH * kernelW;
  const rows = extent(outH, kernelH, strideH, dilationH);
  const width = extent(outW, kernelW, strideW, dilationW);
  const line = lineLength(width, strideW);
  const floats = depth * rows * line;
  const together = imagesTogether(plane, outW, floats);
  const stride = (<usize>plane) << 2;

  const edge = scratch;
  const results = edge + TILE_BYTES;
  const packedB = results + resultBytes(height, together * plane);
  const packedA = packedB + panelBytes(together * plane, k);
  const bases = at(packedA, outChannels * k);
  const columns = at(bases, tableLength(together * plane));
  const taps = at(columns, tableLength(together * plane));
  const sources = at(taps, tableLength(k));
  const windows = at(sources, tableLength(k));

  const channel = rows * line;
  tapOffsets(taps, sources, depth, kernelH, kernelW, dilationH, dilationW, strideW, line, channel);
  memory.fill(windows, 0, (<usize>(together * floats)) << 2);
  for (let g = 0; g < groups; g++) {
    const group = g * height * k;
    // Tile after tile, so that a large weight comes to the caches once.
    for (let t = 0; t < height; t += MR) {
      const first = at(weight, group + t * k);
      for (let pc = 0; pc < k; pc += KC) {
        const part = min(KC, k - pc);
        const a = at(packedA, group + height * pc + t * part);
        packIndexed(a, first, (<usize>k) << 2, at(sources, pc), min(MR, height - t), part);
      }
    }
  }

  for (let i = from; i < to; i += together) {
    const images = min(together, to - i);
    if (i == from || images < together) {
      const image = outChannels * plane;
      const over = strideH * line;
      const d = dilationH;
      positionsByRun(bases, images, outH, outW, 0, floats, over, 1, kernelH, -top, strideH, d, h);
      positionsByRun(columns, images, outH, outW, 0, image, outW, 1, kernelH, -top, strideH, d, h);
    }
    for (let g = 0; g < groups; g++) {
      for (let j = 0; j < images; j++) {
        const image = x + ((<usize>((i + j) * channels + g * depth) * <usize>(h * w)) << 2);
        const window = at(windows, j * floats);
        fillWindow(window, image, depth, h, w, rows, width, -top, -left, strideW);
      }
      multiplyLines(
        y + <usize>(i * outChannels + g * height) * stride,
        at(packedA, g * height * k),
        windows,
        bases,
        taps,
        columns,
        height,
        outH,
        images,
        outW,
        kernelH,
        depth * kernelW,
        -top,
        strideH,
        dilationH,
        h,
        stride,
        edge,
        packedB,
        results,
      );
    }
    if (bias || relu) channelBiasForward(y, bias, outChannels, plane, relu, i, i + images);
  }
}
