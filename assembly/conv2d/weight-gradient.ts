import { KC, MC, multiplyPacked, NC } from '../gemm/gemm';
import { NR, TILE_BYTES } from '../gemm/microkernel';
import { at } from '../lanes';
import { correlateTaps } from './depthwise';
import { endTable, LineReads, runEnd, tableLength, writePositions } from './lines';
import { packPlanes, packTaps, writeTaps } from './pack';
import { fillPadded, inputFloats, PaddedImage, padInput } from './padded';
import {
  ConvShape,
  filterTaps,
  groupChannels,
  groupFilters,
  outPlane,
  PADDED_FLOATS,
  POSITIONS,
  wholePanels,
} from './shape';

/**
 * The gradient with respect to the weight: dWeight = dy·Bᵀ, [m, positions]·[positions, k]. Its scratch:
 *
 *   PaddedImage | LineReads | ragged tile | dy, packed | panels of Bᵀ | bases | taps | offsets of the
 *   weights | sums | padded images
 */

/** Bytes of the two structs, rounded up so that what follows keeps its alignment. */
const STRUCTS: usize = 64;

/** Images handled together. With one filter a group nothing is packed, and one image is enough. */
function imagesOf(m: i32, plane: i32, floats: f64): i32 {
  return m == 1 ? 1 : max(1, min(POSITIONS / plane, <i32>(<f64>PADDED_FLOATS / floats)));
}

/** Positions of a chunk: all of them, cut evenly into as few chunks as are at most KC long. */
function chunkOf(positions: i32): i32 {
  const chunks = (positions + KC - 1) / KC;
  return ((positions + chunks - 1) / chunks + 3) & -4;
}

/** Bytes of scratch of conv2dWeightGradient. */
export function conv2dWeightGradientScratch(shape: ConvShape): f64 {
  const m = groupFilters(shape);
  const k = filterTaps(shape);
  const plane = outPlane(shape);
  const floats = inputFloats(shape);
  const images = imagesOf(m, plane, floats);
  const chunk = chunkOf(images * plane);
  const packed = <f64>chunk * <f64>(m + wholePanels(min(k, NC)));
  const tables = <f64>tableLength(images * plane) + 2 * <f64>tableLength(k);
  const sums = <f64>shape.outChannels * <f64>k;
  const total = packed + tables + sums + <f64>images * floats;
  return <f64>(STRUCTS + TILE_BYTES) + 4 * total;
}

/**
 * dWeight[o, c, u, v] += Σ_{i, oh, ow} dy[i, o, oh, ow] · x[i, c, oh·s − p + u·d, ow·s − p + v·d]
 *
 * for the taps [from, to) of every filter, of kernelH·channels/groups·kernelW in the order (u, c, v). The
 * sum runs over chunks of at most KC positions, of one image or of several small ones: each chunk is summed
 * from zero, and chunks are added in an order that the shape determines. Ranges share no memory.
 *
 * The lines of all images of a chunk are side by side. So the lines that read nothing but padding through
 * kernel row u are the first or the last of a chunk, and are left out (lines.ts, with lines and kernel rows
 * exchanged).
 */
export function conv2dWeightGradient(
  dWeight: usize, // [outChannels, channels/groups, kernelH, kernelW] f32, added to
  dy: usize, // [n, outChannels, outH, outW] f32
  x: usize, // [n, channels, h, w] f32
  n: i32,
  shape: ConvShape,
  from: i32,
  to: i32,
  scratch: usize, // conv2dWeightGradientScratch
): void {
  const plane = outPlane(shape);
  const channels = shape.channels;
  const outChannels = shape.outChannels;
  const outH = shape.outH;
  const outW = shape.outW;
  const depth = groupChannels(shape);
  const m = groupFilters(shape);
  const groups = shape.groups;
  const xPlane = (<usize>(shape.h * shape.w)) << 2;
  const rowTaps = depth * shape.kernelW;
  const k = rowTaps * shape.kernelH;

  const padded = changetype<PaddedImage>(scratch);
  padInput(padded, shape);
  const floats = padded.floats;
  const together = imagesOf(m, plane, <f64>floats);
  const chunk = chunkOf(together * plane);
  const reads = changetype<LineReads>(scratch + offsetof<PaddedImage>());
  const edge = scratch + STRUCTS;
  const packedA = edge + TILE_BYTES;
  const packedB = at(packedA, chunk * m);
  const bases = at(packedB, chunk * wholePanels(min(k, NC)));
  const taps = at(bases, tableLength(together * plane));
  const weightAt = at(taps, tableLength(k));
  let sums = at(weightAt, tableLength(k));
  const source = at(sums, outChannels * k);
  // "Line" u reads, through "kernel row" oh, row u·d − p + oh·s.
  reads.lines = shape.kernelH;
  reads.kernelRows = outH;
  reads.first = -shape.top;
  reads.lineStep = shape.dilationH;
  reads.rowStep = shape.strideH;
  reads.size = shape.h;
  writeTaps(taps, weightAt, shape, padded);
  memory.fill(sums, 0, (<usize>outChannels * <usize>k) << 2);
  memory.fill(source, 0, (<usize>(together * floats)) << 2);

  for (let i = 0; i < n; i += together) {
    const images = min(together, n - i);
    if (i == 0 || images < together) {
      const line = shape.strideH * padded.line;
      let p = bases;
      for (let oh = 0; oh < outH; oh++) {
        p = writePositions(p, images, oh, oh + 1, outW, 0, floats, line, 1);
      }
      endTable(p);
    }
    for (let g = 0; g < groups; g++) {
      const image = x + <usize>(i * channels + g * depth) * xPlane;
      fillPadded(source, image, <usize>channels * xPlane, images, padded);
      const gradient = dy + ((<usize>(i * outChannels + g * m) * <usize>plane) << 2);
      const target = at(sums, g * m * k);
      if (m == 1) {
        const t = at(taps, from);
        correlateTaps(at(target, from), gradient, source, bases, t, outH, outW, to - from);
        continue;
      }
      for (let pc = 0; pc < images * plane; pc += chunk) {
        const part = min(chunk, images * plane - pc);
        const piece = at(gradient, pc);
        packPlanes(packedA, piece, m, plane, outChannels * plane, outW, part, images);
        let jc = from;
        while (jc < to) {
          // Kernel rows for which the same lines count are taken together, and all of them if one alone
          // would leave much of its panels empty.
          let next = to;
          let start = pc;
          let stop = pc + part;
          if (rowTaps >= 64 || rowTaps % NR == 0) {
            const u = jc / rowTaps;
            next = min(to, runEnd(reads, u) * rowTaps);
            start = max(start, reads.before * images * outW);
            stop = min(stop, (outH - reads.after) * images * outW);
          }
          next = min(next, jc + NC);
          const width = next - jc;
          if (start < stop) {
            const base = at(bases, start);
            const left = outW - (start % outW);
            packTaps(packedB, source, base, at(taps, jc), stop - start, outW, left, width);
            for (let ic = 0; ic < m; ic += MC) {
              multiplyPacked(
                at(target, ic * k + jc),
                at(packedA, ic * part),
                packedB,
                min(MC, m - ic),
                width,
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
      const p = q + load<u32>(at(weightAt, t));
      store<f32>(p, load<f32>(p) + load<f32>(at(sums, t)));
    }
    q = at(q, k);
    sums = at(sums, k);
  }
}
