import { channelBiasForward } from './bias';
import { correlate } from './conv2d-depthwise';
import {
  extent,
  fillWindow,
  imagesTogether,
  lineLength,
  PIXELS,
  packPositions,
} from './conv2d-window';
import { KC, MC, multiplyPacked } from './gemm';
import { MR, TILE_BYTES } from './gemm-microkernel';
import { packA } from './gemm-pack';
import { at } from './lanes';

/**
 * Two-dimensional convolution (cross-correlation, as in PyTorch), NCHW, as an implicit matrix
 * product: the weight is A, [outC/groups, taps], and the column matrix B is never written, its
 * panels are packed from a window (conv2d-window.ts).
 *
 * Scratch of the forward pass, in order: a ragged tile; panels of B; the weight, packed; the bases
 * and the places in y of a block's positions; the offsets of the taps; the windows of a block.
 */

/**
 * Rounded up to whole panels of 8.
 * @inline
 */
export function panels(count: i32): i32 {
  return (count + 7) & -8;
}

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
  const images = imagesTogether(plane, floats);
  const tables = (2 * panels(images * plane) + panels(k)) << 2;
  const packed = (<usize>outChannels * <usize>k) << 2;
  const fixed = <usize>(TILE_BYTES + tables + ((images * floats) << 2));
  return fixed + panelBytes(images * plane, k) + packed;
}

/** bases[i, oh, ow]: where in the windows of a block a position's first tap lies, in bytes. */
export function positionBases(
  bases: usize, // [panels(images·outH·outW)] i32, the last repeated to whole panels
  images: i32,
  outH: i32,
  outW: i32,
  line: i32, // floats between window lines, `strideH` of which a position steps
  strideH: i32,
  window: i32, // floats of one image's window
): void {
  let p = bases;
  let last = 0;
  for (let i = 0; i < images; i++) {
    for (let oh = 0; oh < outH; oh++) {
      last = (i * window + oh * strideH * line) << 2;
      for (let ow = 0; ow < outW; ow++) {
        store<i32>(p, last);
        last += 4;
        p += 4;
      }
    }
  }
  const end = at(bases, panels(images * outH * outW));
  for (; p < end; p += 4) store<i32>(p, last - 4);
}

/** taps[c, i, j]: how far beyond a position's first tap each tap lies, in bytes. */
export function tapOffsets(
  taps: usize, // [panels(channels·kernelH·kernelW)] i32, the last repeated to whole panels
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
  let p = taps;
  let last = 0;
  for (let c = 0; c < channels; c++) {
    for (let i = 0; i < kernelH; i++) {
      for (let j = 0; j < kernelW; j++) {
        const column = j * dilationW;
        last = c * plane + i * dilationH * line + (column % strideW) * run + column / strideW;
        store<i32>(p, last << 2);
        p += 4;
      }
    }
  }
  const end = at(taps, panels(channels * kernelH * kernelW));
  for (; p < end; p += 4) store<i32>(p, last << 2);
}

/**
 * C = A·B for packed A and a B that is read from windows. As in gemm.ts an element is the sum of
 * its blocks of KC taps, whatever stands beside it.
 */
export function multiplyWindows(
  c: usize, // [m, …] f32, rows `stride` bytes apart
  a: usize, // packed [m, k], block of KC after block
  window: usize,
  bases: usize, // [positions] i32
  taps: usize, // [k] i32
  columns: usize, // [positions] i32, byte offset of each position in a row of C
  m: i32,
  positions: i32,
  width: i32, // positions on a line
  k: i32,
  stride: usize,
  edge: usize, // [TILE_BYTES]
  packedB: usize, // panelBytes(positions, k)
): void {
  if (m == 1) {
    correlate(c, a, window, bases, taps, columns, positions / width, width, k, edge);
    return;
  }
  for (let jc = 0; jc < positions; jc += PIXELS) {
    const taken = min(PIXELS, positions - jc);
    for (let pc = 0; pc < k; pc += KC) {
      const depth = min(KC, k - pc);
      packPositions(packedB, window, at(bases, jc), at(taps, pc), taken, depth);
      for (let ic = 0; ic < m; ic += MC) {
        multiplyPacked(
          c + <usize>ic * stride,
          at(a, m * pc + ic * depth),
          packedB,
          min(MC, m - ic),
          taken,
          depth,
          stride,
          at(columns, jc),
          pc > 0,
          edge,
        );
      }
    }
  }
}

/**
 * y[i, o, oh, ow] = b[o] + Σ_{c, u, v} weight[o, c, u, v] · x[i, c, oh·s − p + u·d, ow·s − p + v·d],
 * c over the channels of o's group and x zero outside the image, for images [from, to). An image's
 * numbers do not depend on its neighbours.
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
  const together = imagesTogether(plane, floats);
  const stride = (<usize>plane) << 2;

  const edge = scratch;
  const packedB = edge + TILE_BYTES;
  const packedA = packedB + panelBytes(together * plane, k);
  const bases = at(packedA, outChannels * k);
  const columns = at(bases, panels(together * plane));
  const taps = at(columns, panels(together * plane));
  const windows = at(taps, panels(k));

  positionBases(bases, together, outH, outW, line, strideH, floats);
  tapOffsets(taps, depth, kernelH, kernelW, dilationH, dilationW, strideW, line, rows * line);
  positionBases(columns, together, outH, outW, outW, 1, outChannels * plane);
  memory.fill(windows, 0, (<usize>(together * floats)) << 2);
  for (let g = 0; g < groups; g++) {
    const group = g * height * k;
    for (let pc = 0; pc < k; pc += KC) {
      const part = min(KC, k - pc);
      packA(at(packedA, group + height * pc), at(weight, group + pc), k, height, part, MR, false);
    }
  }

  for (let i = from; i < to; i += together) {
    const images = min(together, to - i);
    for (let g = 0; g < groups; g++) {
      for (let j = 0; j < images; j++) {
        const image = x + ((<usize>((i + j) * channels + g * depth) * <usize>(h * w)) << 2);
        const window = at(windows, j * floats);
        fillWindow(window, image, depth, h, w, rows, width, -top, -left, strideW);
      }
      multiplyWindows(
        y + <usize>(i * outChannels + g * height) * stride,
        at(packedA, g * height * k),
        windows,
        bases,
        taps,
        columns,
        height,
        images * plane,
        outW,
        k,
        stride,
        edge,
        packedB,
      );
    }
    if (bias) channelBiasForward(y, bias, outChannels, plane, i, i + images);
  }
}
