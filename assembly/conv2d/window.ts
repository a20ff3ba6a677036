import { isQuad } from '../gemm/gemm';
import { MR, NR } from '../gemm/microkernel';
import { transpose } from '../gemm/pack';
import { at } from '../lanes';

/**
 * How a convolution becomes a matrix product without a column matrix.
 *
 * The part of an image that the kernel ever touches, its zero padding included, is copied to a
 * window. Then the entry of the column matrix for tap t (channel, kernel row, kernel column) and
 * output position q lies at window + bases[q] + taps[t], and panels are packed straight from there.
 * With a column stride s a window's line is stored as s runs, columns ≡ 0, 1, … (mod s), so that
 * neighbouring positions are neighbours in memory whatever the stride.
 */

/** Rows or columns that `out` positions of a kernel touch. */
export function extent(out: i32, kernel: i32, stride: i32, dilation: i32): i32 {
  return (out - 1) * stride + (kernel - 1) * dilation + 1;
}

/**
 * Floats of a window's line of `width` columns, split into `stride` runs.
 * @inline
 */
export function lineLength(width: i32, stride: i32): i32 {
  return ((width + stride - 1) / stride) * stride;
}

/**
 * Rounded up to whole panels of 8.
 * @inline
 */
export function panels(count: i32): i32 {
  return (count + 7) & -8;
}

/** Positions whose panels are packed together: [KC, PIXELS] takes 256 KiB. */
export const PIXELS: i32 = 256;

/** As many images as have at most 256 positions, and windows of at most a megabyte, together. */
export function imagesWithin(positions: i32, windowFloats: i32): i32 {
  return max(1, min(PIXELS / positions, (1 << 18) / windowFloats));
}

/**
 * Images handled together, line by line: as many as let a short line of all of them fill whole
 * panels, small images up to 256 positions, as far as their windows fit a megabyte.
 */
export function imagesTogether(positions: i32, width: i32, windowFloats: i32): i32 {
  let whole = 1;
  while ((whole * width) & (NR - 1) && whole * width < 64) whole *= 2;
  const images = max(1, PIXELS / (positions * whole)) * whole;
  return max(1, min(images, (1 << 18) / windowFloats));
}

/**
 * Floats of a table of `count` offsets, the last repeated: a panel that begins anywhere in it reads
 * eight.
 * @inline
 */
export function tableLength(count: i32): i32 {
  return count + NR - 1;
}

/**
 * Copies channels of an image into a window that was zeroed: window row r is image row r + top.
 * Rows and columns of the window that lie outside the image are left as they are.
 */
export function fillWindow(
  window: usize, // [channels, rows, lineLength(width, stride)] f32
  image: usize, // [channels, h, w] f32
  channels: i32,
  h: i32,
  w: i32,
  rows: i32,
  width: i32,
  top: i32,
  left: i32,
  stride: i32,
): void {
  const run = (width + stride - 1) / stride;
  const line = run * stride;
  const firstRow = max(0, -top);
  const lastRow = min(rows, h - top);
  const firstColumn = max(0, -left);
  const lastColumn = min(width, w - left);
  if (lastColumn <= firstColumn) return;
  for (let phase = 0; phase < stride; phase++) {
    const first = (firstColumn - phase + stride - 1) / stride;
    const count = (lastColumn - phase + stride - 1) / stride - first;
    if (count == 0) continue;
    for (let c = 0; c < channels; c++) {
      let to = at(window, (c * rows + firstRow) * line + phase * run + first);
      let from = at(image, (c * h + firstRow + top) * w + left + phase + first * stride);
      for (let r = firstRow; r < lastRow; r++) {
        if (stride > 2 || count < 4) copyStrided(to, from, count, stride);
        else if (stride == 2) copyEven(to, from, count);
        else copyRun(to, from, count);
        to = at(to, line);
        from = at(from, w);
      }
    }
  }
}

/**
 * Four numbers or more, the last four whether or not some of them are there already.
 * @inline
 */
function copyRun(to: usize, from: usize, count: i32): void {
  const last = at(to, count - 4);
  const end = at(from, count - 4);
  while (to < last) {
    v128.store(to, v128.load(from));
    from += 16;
    to += 16;
  }
  v128.store(last, v128.load(end));
}

/**
 * to[i] = from[2 i], as copyRun; reads nothing past from[2·count − 2].
 * @inline
 */
function copyEven(to: usize, from: usize, count: i32): void {
  const last = at(to, count - 4);
  const end = at(from, 2 * (count - 4));
  while (to < last) {
    v128.store(to, even(from));
    from += 32;
    to += 16;
  }
  v128.store(last, even(end));
}

/** @inline */
function even(from: usize): v128 {
  return v128.shuffle<f32>(v128.load(from), v128.load(from, 12), 0, 2, 5, 7);
}

/** @inline */
function copyStrided(to: usize, from: usize, count: i32, stride: i32): void {
  const step = (<usize>stride) << 2;
  for (let i = 0; i < count; i++) {
    store<f32>(at(to, i), load<f32>(from));
    from += step;
  }
}

/**
 * Packs panels of 8 positions: dst[k·8 + j] = window[bases[j] + taps[k]]. Bases are readable in
 * whole eights.
 */
export function packPositions(
  dst: usize, // [⌈positions/8⌉, k, 8] f32
  window: usize,
  bases: usize, // [positions] i32, bytes
  taps: usize, // [k] i32, bytes
  positions: i32,
  k: i32,
): void {
  for (let j = 0; j < positions; j += NR) {
    const base = at(bases, j);
    const low = window + load<u32>(base);
    const high = window + load<u32>(base, 16);
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
      packQuad(dst, window, base, taps, k);
      packQuad(dst + 16, window, base + 16, taps, k);
      dst += (<usize>k) << 5;
    }
  }
}

/** Half of a panel: four positions on one line, on two, or anywhere. */
function packQuad(dst: usize, window: usize, bases: usize, taps: usize, k: i32): void {
  const end = at(taps, k);
  let t = taps;
  const p0 = window + load<u32>(bases);
  const p3 = window + load<u32>(bases, 12);
  if (isQuad(bases)) {
    while (t < end) {
      v128.store(dst, v128.load(p0 + load<u32>(t)));
      t += 4;
      dst += 32;
    }
    return;
  }
  const p1 = window + load<u32>(bases, 4);
  const p2 = window + load<u32>(bases, 8);
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
 * Packs panels of 8 taps, for sums over positions: dst[q·8 + j] = window[bases[q] + taps[j]]. Taps
 * are readable in whole fours. Positions are neighbours along a line; of the first line `first` are
 * left. A line's last four are packed whether or not some of them are there already.
 */
export function packTaps(
  dst: usize, // [⌈k/8⌉, positions, 8] f32
  window: usize,
  bases: usize, // [positions] i32, bytes
  taps: usize, // [k] i32, bytes
  positions: i32,
  width: i32,
  first: i32,
  k: i32,
): void {
  const end = at(bases, positions);
  for (let j = 0; j < k; j += 4) {
    const t0 = window + load<u32>(taps);
    const t1 = window + load<u32>(taps, 4);
    const t2 = window + load<u32>(taps, 8);
    const t3 = window + load<u32>(taps, 12);
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
          transpose(q, 32, t0 + p, t1 + p, t2 + p, t3 + p);
          p += 16;
          q += 128;
        }
        transpose(next - 128, 32, t0 + last, t1 + last, t2 + last, t3 + last);
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

/** Packs tiles of A: dst[k·r + i] = weight[sources[k] + i·stride]. */
export function packIndexed(
  dst: usize, // tiles of [k, r] f32
  weight: usize,
  stride: usize, // bytes between rows of A
  sources: usize, // [k] i32, bytes
  m: i32,
  k: i32,
): void {
  const end = at(sources, k);
  for (let i = 0; i < m; i += MR) {
    const rows = min(MR, m - i);
    const first = weight + <usize>i * stride;
    let t = sources;
    while (t < end) {
      let p = first + load<u32>(t);
      for (let r = 0; r < rows; r++) {
        store<f32>(dst, load<f32>(p));
        p += stride;
        dst += 4;
      }
      t += 4;
    }
  }
}
