import { KC } from '../gemm/gemm';
import { TILE_BYTES } from '../gemm/microkernel';
import { at } from '../lanes';
import { panelBytes } from './forward';
import { multiplyLines, positionsByRun, resultBytes } from './lines';
import { fillWindow, imagesTogether, packIndexed, tableLength } from './window';

/**
 * The input gradient of conv2d.ts. Position ih of a line gets a part from tap u wherever
 * oh = (ih + p − u·d)/s is whole: with ih + p = s·t + r only the taps with u·d ≡ r (mod s) count, and
 * they read dy at t − ⌊u·d/s⌋. So each of the s·s residues (r, r') is a convolution with stride 1 of
 * dy, and its results lie s apart in dx. Nothing is multiplied by an inserted zero.
 */

/**
 * The least q ≥ 0 with q + p ≡ r (mod s).
 * @inline
 */
function firstOf(r: i32, p: i32, s: i32): i32 {
  return (((r - p) % s) + s) % s;
}

/**
 * How many of 0 … n − 1 are ≡ first (mod s).
 * @inline
 */
function countOf(first: i32, n: i32, s: i32): i32 {
  return first < n ? (n - 1 - first) / s + 1 : 0;
}

/**
 * First line of dy that a window for dx holds: may lie before, or after, dy's own first.
 * @inline
 */
function windowStart(p: i32, kernel: i32, s: i32, d: i32): i32 {
  return p / s - ((kernel - 1) * d) / s;
}

/**
 * Lines of dy that a window for n lines of dx holds.
 * @inline
 */
function windowLength(n: i32, p: i32, kernel: i32, s: i32, d: i32): i32 {
  return (n - 1 + p) / s + 1 - windowStart(p, kernel, s, d);
}

/** Bytes of scratch of conv2dInputGradient. */
export function conv2dInputGradientScratch(
  channels: i32,
  h: i32,
  w: i32,
  outChannels: i32,
  kernelH: i32,
  kernelW: i32,
  strideH: i32,
  strideW: i32,
  top: i32,
  left: i32,
  dilationH: i32,
  dilationW: i32,
  groups: i32,
): usize {
  const rows = windowLength(h, top, kernelH, strideH, dilationH);
  const line = windowLength(w, left, kernelW, strideW, dilationW);
  const k = (outChannels / groups) * kernelH * kernelW;
  const floats = (outChannels / groups) * rows * line;
  const images = imagesTogether(h * w, (w + strideW - 1) / strideW, floats);
  const packed = (<usize>channels * <usize>k) << 2;
  const positions = images * h * w + strideH * strideW * tableLength(0);
  const tables = (2 * positions + 2 * k) << 2;
  const fixed = <usize>(TILE_BYTES + tables + ((images * floats) << 2));
  const results = resultBytes(channels / groups, images * h * w);
  return fixed + results + panelBytes(images * h * w, k) + packed;
}

/**
 * dx[i, c, ih, iw] = Σ_{o, u, v} weight[o, c, u, v] · dy[i, o, oh, ow] over the positions that read
 * x[i, c, ih, iw] through tap (u, v), for images [from, to).
 */
export function conv2dInputGradient(
  dx: usize, // [n, channels, h, w] f32, overwritten
  dy: usize, // [n, outChannels, outH, outW] f32
  weight: usize, // [outChannels, channels/groups, kernelH, kernelW] f32
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
  scratch: usize, // conv2dInputGradientScratch
): void {
  const height = channels / groups;
  const depth = outChannels / groups;
  const taps = kernelH * kernelW;
  const k = depth * taps;
  const plane = h * w;
  const startH = windowStart(top, kernelH, strideH, dilationH);
  const startW = windowStart(left, kernelW, strideW, dilationW);
  const rows = windowLength(h, top, kernelH, strideH, dilationH);
  const line = windowLength(w, left, kernelW, strideW, dilationW);
  const floats = depth * rows * line;
  const together = imagesTogether(plane, (w + strideW - 1) / strideW, floats);
  const stride = (<usize>plane) << 2;
  const positions = together * plane + strideH * strideW * tableLength(0);

  const edge = scratch;
  const results = edge + TILE_BYTES;
  const packedB = results + resultBytes(height, together * plane);
  const packedA = packedB + panelBytes(together * plane, k);
  const bases = at(packedA, channels * k);
  const columns = at(bases, positions);
  const offsets = at(columns, positions);
  const sources = at(offsets, k);
  const windows = at(sources, k);
  memory.fill(windows, 0, (<usize>(together * floats)) << 2);

  // Per residue, one after another: the tables of its taps, and its packed weight.
  let a = packedA;
  let o = offsets;
  for (let rh = 0; rh < strideH; rh++) {
    for (let rw = 0; rw < strideW; rw++) {
      const count = residueTaps(
        o,
        at(sources, <i32>((o - offsets) >> 2)),
        depth,
        rows * line,
        line,
        kernelH,
        kernelW,
        strideH,
        strideW,
        dilationH,
        dilationW,
        rh,
        rw,
        height * taps,
      );
      const source = sources + (o - offsets);
      for (let g = 0; g < groups; g++) {
        const group = at(weight, g * depth * height * taps);
        for (let pc = 0; pc < count; pc += KC) {
          const part = min(KC, count - pc);
          packIndexed(a, group, (<usize>taps) << 2, at(source, pc), height, part);
          a = at(a, height * part);
        }
      }
      o = at(o, count);
    }
  }

  for (let i = from; i < to; i += together) {
    const images = min(together, to - i);
    if (i == from || images < together) {
      let b = bases;
      for (let rh = 0; rh < strideH; rh++) {
        for (let rw = 0; rw < strideW; rw++) {
          const firstH = firstOf(rh, top, strideH);
          const firstW = firstOf(rw, left, strideW);
          const countH = countOf(firstH, h, strideH);
          const countW = countOf(firstW, w, strideW);
          const places = columns + (b - bases);
          const kernelRows = tapsOf(rh, kernelH, strideH, dilationH);
          const first = firstRow(rh, firstH + top, kernelH, strideH, dilationH);
          const rowStep = tapStep(strideH, dilationH);
          positionsByRun(
            b,
            images,
            countH,
            countW,
            ((firstH + top) / strideH - startH) * line + (firstW + left) / strideW - startW,
            floats,
            line,
            1,
            kernelRows,
            first,
            1,
            rowStep,
            outH,
          );
          positionsByRun(
            places,
            images,
            countH,
            countW,
            firstH * w + firstW,
            channels * plane,
            strideH * w,
            strideW,
            kernelRows,
            first,
            1,
            rowStep,
            outH,
          );
          b = at(b, tableLength(images * countH * countW));
        }
      }
    }
    for (let g = 0; g < groups; g++) {
      for (let j = 0; j < images; j++) {
        const image =
          dy + ((<usize>((i + j) * outChannels + g * depth) * <usize>(outH * outW)) << 2);
        const window = at(windows, j * floats);
        fillWindow(window, image, depth, outH, outW, rows, line, startH, startW, 1);
      }
      const target = dx + <usize>(i * channels + g * height) * stride;
      a = packedA;
      o = offsets;
      let b = bases;
      for (let rh = 0; rh < strideH; rh++) {
        for (let rw = 0; rw < strideW; rw++) {
          const firstH = firstOf(rh, top, strideH);
          const countH = countOf(firstH, h, strideH);
          const countW = countOf(firstOf(rw, left, strideW), w, strideW);
          const kernelRows = tapsOf(rh, kernelH, strideH, dilationH);
          const row = depth * tapsOf(rw, kernelW, strideW, dilationW);
          const count = kernelRows * row;
          const here = images * countH * countW;
          const places = columns + (b - bases);
          if (count == 0) {
            clearPositions(target, places, height, here, stride);
          } else if (here > 0) {
            multiplyLines(
              target,
              at(a, g * height * count),
              windows,
              b,
              o,
              places,
              height,
              countH,
              images,
              countW,
              kernelRows,
              row,
              firstRow(rh, firstH + top, kernelH, strideH, dilationH),
              1,
              tapStep(strideH, dilationH),
              outH,
              stride,
              edge,
              packedB,
              results,
            );
          }
          a = at(a, channels * count);
          o = at(o, count);
          b = at(b, tableLength(here));
        }
      }
    }
  }
}

/** Taps u of a line with u·d ≡ r (mod s). */
function tapsOf(r: i32, kernel: i32, s: i32, d: i32): i32 {
  let count = 0;
  for (let u = 0; u < kernel; u++) if ((u * d) % s == r) count++;
  return count;
}

/** The row of dy that residue r's first tap u, with u·d ≡ r (mod s), reads for row q − p of dx. */
function firstRow(r: i32, q: i32, kernel: i32, s: i32, d: i32): i32 {
  let u = 0;
  while (u < kernel && (u * d) % s != r) u++;
  return (q - u * d) / s;
}

/** Rows of dy from one tap of a residue to its next: backwards. */
function tapStep(s: i32, d: i32): i32 {
  let u = 1;
  while ((u * d) % s != 0) u++;
  return (-u * d) / s;
}

/** Taps of a residue: where they read dy's window (negative: backwards), and their weights. */
function residueTaps(
  offsets: usize, // [count] i32, bytes
  sources: usize, // [count] i32, bytes
  depth: i32,
  window: i32, // floats of a channel's window
  line: i32,
  kernelH: i32,
  kernelW: i32,
  strideH: i32,
  strideW: i32,
  dilationH: i32,
  dilationW: i32,
  rh: i32,
  rw: i32,
  filter: i32, // floats of one output channel's weight
): i32 {
  let count = 0;
  for (let u = 0; u < kernelH; u++) {
    if ((u * dilationH) % strideH != rh) continue;
    for (let o = 0; o < depth; o++) {
      for (let v = 0; v < kernelW; v++) {
        if ((v * dilationW) % strideW != rw) continue;
        const back = ((u * dilationH) / strideH) * line + (v * dilationW) / strideW;
        store<i32>(at(offsets, count), (o * window - back) << 2);
        store<i32>(at(sources, count), (o * filter + u * kernelW + v) << 2);
        count++;
      }
    }
  }
  return count;
}

/** Positions that no tap reads get no gradient. */
function clearPositions(dx: usize, columns: usize, m: i32, positions: i32, stride: usize): void {
  for (let c = 0; c < m; c++) {
    for (let q = 0; q < positions; q++) store<f32>(dx + load<u32>(at(columns, q)), 0);
    dx += stride;
  }
}
