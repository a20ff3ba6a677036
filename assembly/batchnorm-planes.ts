/**
 * Batch norm of planes [n, c, s]: images (NCHW), volumes, sequences. As batchnorm.ts, with the
 * numbers of a channel held in registers along its plane. All passes walk memory in order, over whatever
 * range of channels: finishing a few channels while they are in the cache was tried, and lost to the
 * gaps in that walk by 1.7 to 1.
 *
 *   y  = (x − K)·a + b
 *   dx = dy·a + (x − K)·p + q
 */
import { GRADIENT, GRADIENT_RELU, inputGradient, padded, readsX, sumPlane } from './batchnorm-sums';
import { at, loadPartial, madd, storePartial } from './lanes';

/**
 * y = (x − K)·a + b, or max(that, 0) with `relu`, for channels [from, to). y may be x.
 */
export function batchNormForwardPlanes(
  y: usize, // [n, c, s] f32
  shift: usize, // [c] f32, K
  scale: usize, // [c] f32, a
  offset: usize, // [c] f32, b
  x: usize, // [n, c, s] f32
  n: i32,
  c: i32,
  s: i32,
  relu: bool,
  from: i32,
  to: i32,
): void {
  const plane = (<usize>s) << 2;
  const floor = f32x4.splat(relu ? 0 : -Infinity);
  for (let i = 0; i < n; i++) {
    let first = (<usize>i * <usize>c + <usize>from) * plane;
    for (let j = from; j < to; j++) {
      const k = v128.load32_splat(at(shift, j));
      const a = v128.load32_splat(at(scale, j));
      const b = v128.load32_splat(at(offset, j));
      let p = x + first;
      let q = y + first;
      first += plane;
      const end = x + first;
      const most = p + (plane & ~15);
      const whole = p + (plane & ~63);
      while (p < whole) {
        const y0 = madd(f32x4.sub(v128.load(p), k), a, b);
        const y1 = madd(f32x4.sub(v128.load(p, 16), k), a, b);
        const y2 = madd(f32x4.sub(v128.load(p, 32), k), a, b);
        const y3 = madd(f32x4.sub(v128.load(p, 48), k), a, b);
        v128.store(q, f32x4.pmax(y0, floor));
        v128.store(q, f32x4.pmax(y1, floor), 16);
        v128.store(q, f32x4.pmax(y2, floor), 32);
        v128.store(q, f32x4.pmax(y3, floor), 48);
        p += 64;
        q += 64;
      }
      while (p < most) {
        v128.store(q, f32x4.pmax(madd(f32x4.sub(v128.load(p), k), a, b), floor));
        p += 16;
        q += 16;
      }
      if (p < end) {
        const count = s & 3;
        const v = madd(f32x4.sub(loadPartial(p, count), k), a, b);
        storePartial(q, f32x4.pmax(v, floor), count);
      }
    }
  }
}

/**
 * totals[0, j] = Σ dy and totals[1, j] = Σ dy·(x − K) for channels [from, to). With `relu`, dy counts
 * where the forward pass let it through: where y is not ≤ 0.
 */
export function batchNormBackwardSumsPlanes(
  totals: usize, // [2, C] f64, C = c rounded up to 16
  shift: usize, // [c] f32, K
  scale: usize, // [c] f32, a; read with relu only
  offset: usize, // [c] f32, b; read with relu only
  dy: usize, // [n, c, s] f32
  x: usize, // [n, c, s] f32
  n: i32,
  c: i32,
  s: i32,
  relu: bool,
  from: i32,
  to: i32,
): void {
  const plane = (<usize>s) << 2;
  const products = (<usize>padded(c)) << 3;
  const total = totals + ((<usize>from) << 3);
  memory.fill(total, 0, (<usize>(to - from)) << 3);
  memory.fill(total + products, 0, (<usize>(to - from)) << 3);
  for (let i = 0; i < n; i++) {
    let p = (<usize>i * <usize>c + <usize>from) * plane;
    for (let j = from; j < to; j++) {
      const t = totals + ((<usize>j) << 3);
      const k = v128.load32_splat(at(shift, j));
      if (relu) {
        const a = v128.load32_splat(at(scale, j));
        const b = v128.load32_splat(at(offset, j));
        sumPlane(GRADIENT_RELU, t, t + products, x + p, dy + p, k, a, b, s);
      } else {
        sumPlane(GRADIENT, t, t + products, x + p, dy + p, k, k, k, s);
      }
      p += plane;
    }
  }
}

/**
 * dx = dy·a + (x − K)·p + q for channels [from, to), of the dy that the ReLU let through. With frozen
 * statistics there is no p and q, and dx = dy·a. Overwrites; dx may be dy.
 */
export function batchNormBackwardPlanes(
  dx: usize, // [n, c, s] f32
  shift: usize, // [c] f32, K
  scale: usize, // [c] f32, a
  offset: usize, // [c] f32, b; read with relu only
  slope: usize, // [c] f32, p; 0: frozen statistics
  intercept: usize, // [c] f32, q; 0 with slope
  dy: usize, // [n, c, s] f32
  x: usize, // [n, c, s] f32; not read with frozen statistics and no relu
  n: i32,
  c: i32,
  s: i32,
  relu: bool,
  from: i32,
  to: i32,
): void {
  const plane = (<usize>s) << 2;
  for (let i = 0; i < n; i++) {
    let o = (<usize>i * <usize>c + <usize>from) * plane;
    for (let j = from; j < to; j++) {
      const a = v128.load32_splat(at(scale, j));
      const k = slope || relu ? v128.load32_splat(at(shift, j)) : a;
      const b = relu ? v128.load32_splat(at(offset, j)) : a;
      if (slope) {
        const p = v128.load32_splat(at(slope, j));
        const q = v128.load32_splat(at(intercept, j));
        if (relu) differentiatePlane(GRADIENT_RELU, true, dx + o, k, a, b, p, q, dy + o, x + o, s);
        else differentiatePlane(GRADIENT, true, dx + o, k, a, b, p, q, dy + o, x + o, s);
      } else {
        if (relu) differentiatePlane(GRADIENT_RELU, false, dx + o, k, a, b, a, a, dy + o, x + o, s);
        else differentiatePlane(GRADIENT, false, dx + o, k, a, b, a, a, dy + o, x + o, s);
      }
      o += plane;
    }
  }
}

/** @inline */
function differentiatePlane(
  kind: i32,
  training: bool,
  dx: usize, // [s] f32
  k: v128,
  a: v128,
  b: v128,
  p: v128,
  q: v128,
  dy: usize, // [s] f32
  x: usize, // [s] f32
  s: i32,
): void {
  const bytes = (<usize>s) << 2;
  const most = dx + (bytes & ~15);
  const whole = dx + (bytes & ~31);
  while (dx < whole) {
    const x0 = readsX(kind, training) ? v128.load(x) : a;
    const x1 = readsX(kind, training) ? v128.load(x, 16) : a;
    const dx0 = inputGradient(kind, training, v128.load(dy), x0, k, a, b, p, q);
    const dx1 = inputGradient(kind, training, v128.load(dy, 16), x1, k, a, b, p, q);
    v128.store(dx, dx0);
    v128.store(dx, dx1, 16);
    x += 32;
    dy += 32;
    dx += 32;
  }
  if (dx < most) {
    const x0 = readsX(kind, training) ? v128.load(x) : a;
    v128.store(dx, inputGradient(kind, training, v128.load(dy), x0, k, a, b, p, q));
    x += 16;
    dy += 16;
    dx += 16;
  }
  const count = s & 3;
  if (count) {
    const x0 = readsX(kind, training) ? loadPartial(x, count) : a;
    const v = inputGradient(kind, training, loadPartial(dy, count), x0, k, a, b, p, q);
    storePartial(dx, v, count);
  }
}
