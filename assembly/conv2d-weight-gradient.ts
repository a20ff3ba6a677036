import { panels, positionBases, tapOffsets, windowFloats } from './conv2d';
import { correlateTaps } from './conv2d-depthwise';
import { extent, fillWindow, imagesTogether, lineLength, packTaps } from './conv2d-window';
import { KC, MC, multiplyPacked, NC } from './gemm';
import { MR, TILE_BYTES } from './gemm-microkernel';
import { interleave } from './gemm-pack';
import { at } from './lanes';

/** Bytes of scratch of conv2dWeightGradient. */
export function conv2dWeightGradientScratch(
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
  const chunk = min(images * plane, KC);
  const packed = (<usize>chunk * <usize>(outChannels / groups + panels(min(k, NC)))) << 2;
  const tables = (panels(images * plane) + panels(k)) << 2;
  const fixed = <usize>(TILE_BYTES + tables + ((images * floats) << 2));
  return fixed + packed;
}

/**
 * dWeight[o, c, u, v] += Σ_{i, oh, ow} dy[i, o, oh, ow] · x[i, c, oh·s − p + u·d, ow·s − p + v·d], for
 * taps [from, to) of the channels/groups·kernelH·kernelW of every filter. The sum runs over chunks
 * of at most KC positions (of one image, or of several small ones), a chunk from zero and chunk
 * after chunk: an order that the shape fixes. Ranges share nothing.
 */
export function conv2dWeightGradient(
  dWeight: usize, // [outChannels, channels/groups, kernelH, kernelW] f32, added to
  dy: usize, // [n, outChannels, outH, outW] f32
  x: usize, // [n, channels, h, w] f32
  n: i32,
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
  top: i32,
  left: i32,
  dilationH: i32,
  dilationW: i32,
  groups: i32,
  from: i32,
  to: i32,
  scratch: usize, // conv2dWeightGradientScratch
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
  const chunk = min(together * plane, KC);

  const edge = scratch;
  const packedA = edge + TILE_BYTES;
  const packedB = at(packedA, chunk * height);
  const bases = at(packedB, chunk * panels(min(k, NC)));
  const taps = at(bases, panels(together * plane));
  const windows = at(taps, panels(k));
  positionBases(bases, together, outH, outW, line, strideH, floats);
  tapOffsets(taps, depth, kernelH, kernelW, dilationH, dilationW, strideW, line, rows * line);
  memory.fill(windows, 0, (<usize>(together * floats)) << 2);

  for (let i = 0; i < n; i += together) {
    const images = min(together, n - i);
    for (let g = 0; g < groups; g++) {
      for (let j = 0; j < images; j++) {
        const image = x + ((<usize>((i + j) * channels + g * depth) * <usize>(h * w)) << 2);
        const window = at(windows, j * floats);
        fillWindow(window, image, depth, h, w, rows, width, -top, -left, strideW);
      }
      const gradient = dy + ((<usize>(i * outChannels + g * height) * <usize>plane) << 2);
      const target = at(dWeight, g * height * k);
      if (height == 1) {
        for (let j = 0; j < images; j++) {
          const one = at(gradient, j * outChannels * plane);
          const places = at(bases, j * plane);
          const t = at(taps, from);
          correlateTaps(at(target, from), one, windows, places, t, outH, outW, to - from);
        }
        continue;
      }
      for (let pc = 0; pc < images * plane; pc += KC) {
        const part = min(KC, images * plane - pc);
        packPlanes(packedA, at(gradient, pc), height, plane, outChannels * plane, part, images);
        for (let jc = from; jc < to; jc += NC) {
          const taken = min(NC, to - jc);
          packTaps(packedB, windows, at(bases, pc), at(taps, jc), part, taken);
          for (let ic = 0; ic < height; ic += MC) {
            multiplyPacked(
              at(target, ic * k + jc),
              at(packedA, ic * part),
              packedB,
              min(MC, height - ic),
              taken,
              part,
              (<usize>k) << 2,
              0,
              true,
              edge,
            );
          }
        }
      }
    }
  }
}

/** Packs tiles of A from the planes of one image (a piece of them) or of several (whole). */
function packPlanes(
  dst: usize, // tiles of [positions, r] f32
  dy: usize, // [images, m, plane] f32, images `image` floats apart
  m: i32,
  plane: i32,
  image: i32,
  positions: i32,
  images: i32,
): void {
  const piece = positions / images;
  for (let t = 0; t < m; t += MR) {
    const rows = min(MR, m - t);
    for (let i = 0; i < images; i++) {
      interleave(dst, at(dy, i * image + t * plane), plane, rows, rows, piece);
      dst = at(dst, rows * piece);
    }
  }
}
