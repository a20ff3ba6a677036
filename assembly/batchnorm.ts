/**
 * Batch norm of rows [n, c]: features, or images with channels last. Here are the passes over the
 * elements; batchnorm-statistics.ts and batchnorm-channels.ts make the numbers they take per channel.
 *
 *   y  = (x − K)·a + b
 *   dx = dy·a + (x − K)·p + q
 *
 * Rows go in pairs, which share the loads of K, a, b, p and q; an odd last row is its own partner.
 */
import {
  GRADIENT,
  GRADIENT_RELU,
  inputGradient,
  loadChannels,
  ROW_BLOCK,
  readsX,
  storeChannels,
  sumRows,
} from './batchnorm-sums';
import { at, madd } from './lanes';

/**
 * y = (x − K)·a + b, or max(that, 0) with `relu`, for rows [from, to). y may be x.
 */
export function batchNormForward(
  y: usize, // [n, c] f32
  shift: usize, // [c] f32, K
  scale: usize, // [c] f32, a
  offset: usize, // [c] f32, b
  x: usize, // [n, c] f32
  c: i32,
  relu: bool,
  from: i32,
  to: i32,
): void {
  const stride = (<usize>c) << 2;
  const floor = f32x4.splat(relu ? 0 : -Infinity);
  for (let block = 0; block < c; block += ROW_BLOCK) {
    const width = min(ROW_BLOCK, c - block);
    for (let r = from; r < to; r += 2) {
      const first = <usize>r * stride + ((<usize>block) << 2);
      const next = r + 1 < to ? stride : 0;
      const p = x + first;
      const q = y + first;
      const k = at(shift, block);
      const a = at(scale, block);
      const b = at(offset, block);
      const eights = (<usize>(width & ~7)) << 2;
      let i: usize = 0;
      while (i < eights) {
        normalize(4, false, i, q, next, k, a, b, p, floor);
        normalize(4, true, i, q, next, k, a, b, p, floor);
        i += 32;
      }
      if (width & 4) {
        normalize(4, false, i, q, next, k, a, b, p, floor);
        i += 16;
      }
      if (width & 3) normalize(width & 3, false, i, q, next, k, a, b, p, floor);
    }
  }
}

/**
 * Up to four channels, `i` bytes on, of a row and of the row `next` bytes after it.
 * @inline
 */
function normalize(
  count: i32,
  second: bool,
  i: usize,
  y: usize,
  next: usize,
  shift: usize,
  scale: usize,
  offset: usize,
  x: usize,
  floor: v128,
): void {
  const k = loadChannels(shift + i, count, second);
  const a = loadChannels(scale + i, count, second);
  const b = loadChannels(offset + i, count, second);
  const p = x + i;
  const q = y + i;
  const y0 = madd(f32x4.sub(loadChannels(p, count, second), k), a, b);
  const y1 = madd(f32x4.sub(loadChannels(p + next, count, second), k), a, b);
  storeChannels(q, f32x4.pmax(y0, floor), count, second);
  storeChannels(q + next, f32x4.pmax(y1, floor), count, second);
}

/**
 * totals[0, j] = Σ dy and totals[1, j] = Σ dy·(x − K) for channels [from, to). With `relu`, dy counts
 * where the forward pass let it through: where y is not ≤ 0.
 */
export function batchNormBackwardSums(
  totals: usize, // [2, C] f64, C = c rounded up to 16
  shift: usize, // [c] f32, K
  scale: usize, // [c] f32, a; read with relu only
  offset: usize, // [c] f32, b; read with relu only
  dy: usize, // [n, c] f32
  x: usize, // [n, c] f32
  n: i32,
  c: i32,
  relu: bool,
  from: i32,
  to: i32,
  scratch: usize, // [2, C] f32
): void {
  for (let j = from; j < to; j += ROW_BLOCK) {
    const end = min(j + ROW_BLOCK, to);
    if (relu) {
      sumRows(GRADIENT_RELU, totals, x, dy, shift, scale, offset, n, c, j, end, scratch);
    } else {
      sumRows(GRADIENT, totals, x, dy, shift, scale, offset, n, c, j, end, scratch);
    }
  }
}

/**
 * dx = dy·a + (x − K)·p + q for rows [from, to), of the dy that the ReLU let through. With frozen
 * statistics there is no p and q, and dx = dy·a. Overwrites; dx may be dy.
 */
export function batchNormBackward(
  dx: usize, // [n, c] f32
  shift: usize, // [c] f32, K
  scale: usize, // [c] f32, a
  offset: usize, // [c] f32, b; read with relu only
  slope: usize, // [c] f32, p; 0: frozen statistics
  intercept: usize, // [c] f32, q; 0 with slope
  dy: usize, // [n, c] f32
  x: usize, // [n, c] f32; not read with frozen statistics and no relu
  c: i32,
  relu: bool,
  from: i32,
  to: i32,
): void {
  for (let block = 0; block < c; block += ROW_BLOCK) {
    const end = min(block + ROW_BLOCK, c);
    for (let r = from; r < to; r += 2) {
      const first = <usize>r * <usize>c;
      const i = (first + <usize>block) << 2;
      const next: usize = r + 1 < to ? (<usize>c) << 2 : 0;
      const j = (<usize>block) << 2;
      const width = (<usize>(end - block)) << 2;
      const o = offset + j;
      const s = slope + j;
      const t = intercept + j;
      if (slope) {
        if (relu) {
          differentiateRows(
            GRADIENT_RELU,
            true,
            dx + i,
            next,
            shift + j,
            scale + j,
            o,
            s,
            t,
            dy + i,
            x + i,
            width,
          );
        } else {
          differentiateRows(
            GRADIENT,
            true,
            dx + i,
            next,
            shift + j,
            scale + j,
            o,
            s,
            t,
            dy + i,
            x + i,
            width,
          );
        }
      } else if (relu) {
        differentiateRows(
          GRADIENT_RELU,
          false,
          dx + i,
          next,
          shift + j,
          scale + j,
          o,
          s,
          t,
          dy + i,
          x + i,
          width,
        );
      } else {
        differentiateRows(
          GRADIENT,
          false,
          dx + i,
          next,
          shift + j,
          scale + j,
          o,
          s,
          t,
          dy + i,
          x + i,
          width,
        );
      }
    }
  }
}

/**
 * `width` bytes of a row and of the row `next` bytes on.
 * @inline
 */
function differentiateRows(
  kind: i32,
  training: bool,
  dx: usize,
  next: usize,
  shift: usize,
  scale: usize,
  offset: usize,
  slope: usize,
  intercept: usize,
  dy: usize,
  x: usize,
  width: usize,
): void {
  const eights = width & ~31;
  let i: usize = 0;
  while (i < eights) {
    differentiate(
      kind,
      training,
      4,
      false,
      i,
      dx,
      next,
      shift,
      scale,
      offset,
      slope,
      intercept,
      dy,
      x,
    );
    differentiate(
      kind,
      training,
      4,
      true,
      i,
      dx,
      next,
      shift,
      scale,
      offset,
      slope,
      intercept,
      dy,
      x,
    );
    i += 32;
  }
  if (width & 16) {
    differentiate(
      kind,
      training,
      4,
      false,
      i,
      dx,
      next,
      shift,
      scale,
      offset,
      slope,
      intercept,
      dy,
      x,
    );
    i += 16;
  }
  const tail = <i32>((width & 15) >> 2);
  if (tail) {
    differentiate(
      kind,
      training,
      tail,
      false,
      i,
      dx,
      next,
      shift,
      scale,
      offset,
      slope,
      intercept,
      dy,
      x,
    );
  }
}

/**
 * Up to four channels, `i` bytes on, of a row and of the row `next` bytes after it.
 * @inline
 */
function differentiate(
  kind: i32,
  training: bool,
  count: i32,
  second: bool,
  i: usize,
  dx: usize,
  next: usize,
  shift: usize,
  scale: usize,
  offset: usize,
  slope: usize,
  intercept: usize,
  dy: usize,
  x: usize,
): void {
  const a = loadChannels(scale + i, count, second);
  const k = readsX(kind, training) ? loadChannels(shift + i, count, second) : a;
  const b = kind == GRADIENT_RELU ? loadChannels(offset + i, count, second) : a;
  const p = training ? loadChannels(slope + i, count, second) : a;
  const q = training ? loadChannels(intercept + i, count, second) : a;
  const x0 = readsX(kind, training) ? loadChannels(x + i, count, second) : a;
  const x1 = readsX(kind, training) ? loadChannels(x + i + next, count, second) : a;
  const dy0 = loadChannels(dy + i, count, second);
  const dy1 = loadChannels(dy + i + next, count, second);
  const dx0 = inputGradient(kind, training, dy0, x0, k, a, b, p, q);
  const dx1 = inputGradient(kind, training, dy1, x1, k, a, b, p, q);
  storeChannels(dx + i, dx0, count, second);
  storeChannels(dx + i + next, dx1, count, second);
}
