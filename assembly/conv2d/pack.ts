import { isQuad, KC } from '../gemm/gemm';
import { MR, NR } from '../gemm/microkernel';
import { interleave } from '../gemm/pack';
import { at } from '../lanes';
import { transposeFour } from '../shuffle';
import { tableLength } from './lines';
import { PaddedImage } from './padded';
import { ConvShape } from './shape';

/**
 * Implicit GEMM: the panels of the column matrix are packed straight from padded images (padded.ts), whose
 * value for tap t at position q lies at source + bases[q] + taps[t]. This file also packs the tiles of A.
 */

/**
 * Offsets of the taps: taps[u, c, v] is the byte offset of tap (u, c, v) from a position's first tap in a
 * padded image, weightAt[u, c, v] its byte offset in a filter. The order is kernel row by kernel row (see
 * lines.ts).
 */
export function writeTaps(
  taps: usize, // [tableLength(kernelH·channels·kernelW)] i32, the last repeated
  weightAt: usize, // [kernelH·channels·kernelW] i32
  shape: ConvShape,
  padded: PaddedImage,
): void {
  const kernelH = shape.kernelH;
  const kernelW = shape.kernelW;
  const dilationH = shape.dilationH;
  const dilationW = shape.dilationW;
  const channels = padded.channels;
  const stride = padded.stride;
  const line = padded.line;
  const plane = padded.rows * line;
  const phaseLength = line / stride;
  let t = 0;
  let last = 0;
  for (let u = 0; u < kernelH; u++) {
    for (let c = 0; c < channels; c++) {
      for (let v = 0; v < kernelW; v++) {
        const column = v * dilationW;
        last = c * plane + u * dilationH * line + (column % stride) * phaseLength + column / stride;
        store<i32>(at(taps, t), last << 2);
        store<i32>(at(weightAt, t), ((c * kernelH + u) * kernelW + v) << 2);
        t++;
      }
    }
  }
  for (; t < tableLength(kernelH * channels * kernelW); t++) store<i32>(at(taps, t), last << 2);
}

/**
 * Packs A[i, t] = weight[weightAt[t] + i·row], one block of KC taps after another, in tiles of MR rows:
 * dst[t·r + i]. The order is tile after tile, so that a large weight is loaded into the caches once.
 */
export function packWeight(
  dst: usize, // [m, k] f32, packed
  weight: usize,
  row: usize, // bytes between rows of A
  weightAt: usize, // [k] i32, bytes
  m: i32,
  k: i32,
): void {
  for (let i = 0; i < m; i += MR) {
    const rows = min(MR, m - i);
    const first = weight + <usize>i * row;
    for (let block = 0; block < k; block += KC) {
      const depth = min(KC, k - block);
      let q = at(dst, m * block + i * depth);
      let t = at(weightAt, block);
      const end = at(t, depth);
      while (t < end) {
        let p = first + load<u32>(t);
        for (let r = 0; r < rows; r++) {
          store<f32>(q, load<f32>(p));
          p += row;
          q += 4;
        }
        t += 4;
      }
    }
  }
}

/**
 * Packs tiles of A from dy: from a part of one image's planes, or from the planes of several images, whose
 * lines are then side by side.
 */
export function packPlanes(
  dst: usize, // tiles of [positions, r] f32
  dy: usize, // [images, m, plane] f32, image stride `image` floats
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

/**
 * Packs panels of 8 positions of B: dst[t·8 + j] = source[bases[j] + taps[t]]. Bases are readable in whole
 * eights.
 *
 *              position 0 … 7
 *   tap 0      b00 … b07         neighbours on a line are neighbours in the padded image too, so a panel
 *   tap 1      b10 … b17         is two vectors a tap, unless a line ends in it
 */
export function packPositions(
  dst: usize, // [⌈positions/8⌉, k, 8] f32
  source: usize,
  bases: usize, // [positions] i32, bytes
  taps: usize, // [k] i32, bytes
  positions: i32,
  k: i32,
): void {
  for (let j = 0; j < positions; j += NR) {
    const base = at(bases, j);
    const low = source + load<u32>(base);
    const high = source + load<u32>(base, 16);
    if (isQuad(base) && isQuad(base + 16)) {
      let t = taps;
      const end = at(taps, k);
      while (t < end) {
        const tap = load<u32>(t);
        v128.store(dst, v128.load(low + tap));
        v128.store(dst, v128.load(high + tap), 16);
        t += 4;
        dst += 32;
      }
    } else {
      packQuad(dst, source, base, taps, k);
      packQuad(dst + 16, source, base + 16, taps, k);
      dst += (<usize>k) << 5;
    }
  }
}

/** Packs half of a panel: four positions of one line, two of each of two lines, or any four. */
function packQuad(dst: usize, source: usize, bases: usize, taps: usize, k: i32): void {
  const end = at(taps, k);
  let t = taps;
  const p0 = source + load<u32>(bases);
  const p3 = source + load<u32>(bases, 12);
  if (isQuad(bases)) {
    while (t < end) {
      v128.store(dst, v128.load(p0 + load<u32>(t)));
      t += 4;
      dst += 32;
    }
    return;
  }
  const p1 = source + load<u32>(bases, 4);
  const p2 = source + load<u32>(bases, 8);
  if (p1 == p0 + 4 && p3 == p2 + 4) {
    while (t < end) {
      const tap = load<u32>(t);
      const pair = v128.load64_zero(p0 + tap);
      v128.store(dst, v128.load_lane<u64>(p2 + tap, pair, 1));
      t += 4;
      dst += 32;
    }
    return;
  }
  while (t < end) {
    const tap = load<u32>(t);
    let v = v128.load32_zero(p0 + tap);
    v = v128.load_lane<f32>(p1 + tap, v, 1);
    v = v128.load_lane<f32>(p2 + tap, v, 2);
    v128.store(dst, v128.load_lane<f32>(p3 + tap, v, 3));
    t += 4;
    dst += 32;
  }
}

/**
 * Packs panels of 8 taps of the transposed B, for sums over positions: dst[q·8 + j] = source[bases[q] +
 * taps[j]]. Four taps of four neighbouring positions are transposed in registers; a line's last four
 * positions are always packed together, even if some of them are packed already. Taps are readable in whole
 * fours.
 */
export function packTaps(
  dst: usize, // [⌈k/8⌉, positions, 8] f32
  source: usize,
  bases: usize, // [positions] i32, bytes
  taps: usize, // [k] i32, bytes
  positions: i32,
  width: i32, // positions of a line
  first: i32, // positions left of the first line
  k: i32,
): void {
  const end = at(bases, positions);
  for (let j = 0; j < k; j += 4) {
    const t0 = source + load<u32>(taps);
    const t1 = source + load<u32>(taps, 4);
    const t2 = source + load<u32>(taps, 8);
    const t3 = source + load<u32>(taps, 12);
    let q = dst;
    let b = bases;
    let left = first;
    while (b < end) {
      left = min(left, <i32>((end - b) >> 2));
      let p = <usize>load<u32>(b);
      const last = at(p, left - 4);
      const next = q + ((<usize>left) << 5);
      if (left >= 4) {
        while (p < last) {
          transposeFour(q, 32, t0 + p, t1 + p, t2 + p, t3 + p);
          p += 16;
          q += 128;
        }
        transposeFour(next - 128, 32, t0 + last, t1 + last, t2 + last, t3 + last);
      } else {
        while (q < next) {
          let v = v128.load32_zero(t0 + p);
          v = v128.load_lane<f32>(t1 + p, v, 1);
          v = v128.load_lane<f32>(t2 + p, v, 2);
          v = v128.load_lane<f32>(t3 + p, v, 3);
          v128.store(q, v);
          p += 4;
          q += 32;
        }
      }
      b = at(b, left);
      q = next;
      left = width;
    }
    taps += 16;
    dst += j & 4 ? ((<usize>positions) << 5) - 16 : 16;
  }
}
