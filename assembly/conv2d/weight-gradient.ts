import { KC, MC, multiplyPacked, NC } from '../gemm/gemm';
import { MR, NR, TILE_BYTES } from '../gemm/microkernel';
import { interleave } from '../gemm/pack';
import { at } from '../lanes';
import { correlateTaps } from './depthwise';
import { tapOffsets, windowFloats } from './forward';
import { endTable, outside, positions } from './lines';
import {
  extent,
  fillWindow,
  imagesWithin,
  lineLength,
  packTaps,
  panels,
  tableLength,
} from './window';

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
  const images = imagesWithin(plane, floats);
  const chunk = chunkOf(images * plane);
  const packed = (<usize>chunk * <usize>(outChannels / groups + panels(min(k, NC)))) << 2;
  const tables = (tableLength(images * plane) + 2 * tableLength(k)) << 2;
  const fixed = <usize>(TILE_BYTES + tables + ((images * floats) << 2));
  return fixed + packed + ((<usize>outChannels * <usize>k) << 2);
}

/**
 * dWeight[o, c, u, v] += Σ_{i, oh, ow} dy[i, o, oh, ow] · x[i, c, oh·s − p + u·d, ow·s − p + v·d], for
 * taps [from, to) of the kernelH·channels/groups·kernelW of every filter, in the order (u, c, v). The
 * sum runs over chunks of at most KC positions (of one image, or of several small ones), a chunk from
 * zero and chunk after chunk: an order that the shape fixes. Ranges share nothing.
 *
 * Positions stand line by line, the lines of all images of a chunk side by side: so the lines that
 * read nothing but padding through kernel row u are the first or the last of a chunk, and are left out.
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
  const row = depth * kernelW;
  const together = height == 1 ? 1 : imagesWithin(plane, floats);
  const chunk = chunkOf(together * plane);

  const edge = scratch;
  const packedA = edge + TILE_BYTES;
  const packedB = at(packedA, chunk * height);
  const bases = at(packedB, chunk * panels(min(k, NC)));
  const taps = at(bases, tableLength(together * plane));
  const sources = at(taps, tableLength(k));
  let sums = at(sources, tableLength(k));
  const windows = at(sums, outChannels * k);
  const channel = rows * line;
  tapOffsets(taps, sources, depth, kernelH, kernelW, dilationH, dilationW, strideW, line, channel);
  memory.fill(sums, 0, (<usize>outChannels * <usize>k) << 2);
  memory.fill(windows, 0, (<usize>(together * floats)) << 2);

  for (let i = 0; i < n; i += together) {
    const images = min(together, n - i);
    if (i == 0 || images < together) {
      let p = bases;
      for (let oh = 0; oh < outH; oh++) {
        p = positions(p, images, oh, oh + 1, outW, 0, floats, strideH * line, 1);
      }
      endTable(p);
    }
    for (let g = 0; g < groups; g++) {
      for (let j = 0; j < images; j++) {
        const image = x + ((<usize>((i + j) * channels + g * depth) * <usize>(h * w)) << 2);
        const window = at(windows, j * floats);
        fillWindow(window, image, depth, h, w, rows, width, -top, -left, strideW);
      }
      const gradient = dy + ((<usize>(i * outChannels + g * height) * <usize>plane) << 2);
      const target = at(sums, g * height * k);
      if (height == 1) {
        const t = at(taps, from);
        correlateTaps(at(target, from), gradient, windows, bases, t, outH, outW, to - from);
        continue;
      }
      for (let pc = 0; pc < images * plane; pc += chunk) {
        const part = min(chunk, images * plane - pc);
        packPlanes(
          packedA,
          at(gradient, pc),
          height,
          plane,
          outChannels * plane,
          outW,
          part,
          images,
        );
        let jc = from;
        while (jc < to) {
          // Neighbouring kernel rows are taken together, all of them if one would waste its panels.
          let next = to;
          let start = pc;
          let stop = pc + part;
          if (row >= 64 || row % NR == 0) {
            let u = jc / row;
            const before = outside(u * dilationH - top, strideH, outH, h);
            const after = linesAfter(u, top, strideH, dilationH, outH, h);
            do u++;
            while (
              u < kernelH &&
              outside(u * dilationH - top, strideH, outH, h) == before &&
              linesAfter(u, top, strideH, dilationH, outH, h) == after
            );
            next = min(to, u * row);
            start = max(start, before * images * outW);
            stop = min(stop, (outH - after) * images * outW);
          }
          next = min(next, jc + NC);
          if (start < stop) {
            packTaps(
              packedB,
              windows,
              at(bases, start),
              at(taps, jc),
              stop - start,
              outW,
              outW - (start % outW),
              next - jc,
            );
            for (let ic = 0; ic < height; ic += MC) {
              multiplyPacked(
                at(target, ic * k + jc),
                at(packedA, ic * part),
                packedB,
                min(MC, height - ic),
                next - jc,
                part,
                start - pc,
                stop - pc,
                (<usize>k) << 2,
                true,
                edge,
              );
            }
          }
          jc = next;
        }
      }
    }
  }

  let q = dWeight;
  for (let o = 0; o < outChannels; o++) {
    for (let t = from; t < to; t++) {
      const p = q + load<u32>(at(sources, t));
      store<f32>(p, load<f32>(p) + load<f32>(at(sums, t)));
    }
    q = at(q, k);
    sums = at(sums, k);
  }
}

/** Positions of a chunk: plane cut evenly into as few as are at most KC long. */
function chunkOf(positions: i32): i32 {
  const chunks = (positions + KC - 1) / KC;
  return ((positions + chunks - 1) / chunks + 3) & -4;
}

/** Lines at the end of a plane that read nothing but padding through kernel row u. */
function linesAfter(u: i32, top: i32, strideH: i32, dilationH: i32, outH: i32, h: i32): i32 {
  return outside(u * dilationH - top + (outH - 1) * strideH, -strideH, outH, h);
}

/**
 * Packs tiles of A from a piece of one image's planes, or from those of several images, whose lines
 * then stand side by side.
 */
function packPlanes(
  dst: usize, // tiles of [positions, r] f32
  dy: usize, // [images, m, plane] f32, images `image` floats apart
  m: i32,
  plane: i32,
  image: i32,
  width: i32,
  positions: i32,
  images: i32,
): void {
  const piece = images == 1 ? positions : width;
  for (let t = 0; t < m; t += MR) {
    const rows = min(MR, m - t);
    for (let first = 0; first < plane; first += width) {
      for (let i = 0; i < images; i++) {
        interleave(dst, at(dy, i * image + t * plane + first), plane, rows, rows, piece);
        dst = at(dst, rows * piece);
      }
      if (images == 1) break;
    }
  }
}
