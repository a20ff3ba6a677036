import { at, madd } from '../lanes';

/**
 * A single row of A times a matrix B that is stored along k, [n, k]. Packing B would cost more than the
 * product, so blocks of B of four lines and four steps of k are transposed in registers. An element's steps
 * come in the same order as in a tile, so a row has the same bits alone and in a batch.
 */

/**
 * sum[j] + Σ a[k]·B[j, k] for four lines j and four steps of k. A vector holds one step of the four lines.
 *
 *   line 0   p0 p1 p2 p3      p0 q0 r0 s0 · a0
 *   line 1   q0 q1 q2 q3   →  p1 q1 r1 s1 · a1   added to sum one after the other
 *   line 2   r0 r1 r2 r3      p2 q2 r2 s2 · a2
 *   line 3   s0 s1 s2 s3      p3 q3 r3 s3 · a3
 * @inline
 */
function fourSteps(sum: v128, a: usize, p: usize, line: usize): v128 {
  const v0 = v128.load(p);
  const v1 = v128.load(p + line);
  const v2 = v128.load(p + 2 * line);
  const v3 = v128.load(p + 3 * line);
  const low01 = v128.shuffle<f32>(v0, v1, 0, 4, 1, 5);
  const low23 = v128.shuffle<f32>(v2, v3, 0, 4, 1, 5);
  const high01 = v128.shuffle<f32>(v0, v1, 2, 6, 3, 7);
  const high23 = v128.shuffle<f32>(v2, v3, 2, 6, 3, 7);
  sum = madd(v128.load32_splat(a), v128.shuffle<f32>(low01, low23, 0, 1, 4, 5), sum);
  sum = madd(v128.load32_splat(a, 4), v128.shuffle<f32>(low01, low23, 2, 3, 6, 7), sum);
  sum = madd(v128.load32_splat(a, 8), v128.shuffle<f32>(high01, high23, 0, 1, 4, 5), sum);
  return madd(v128.load32_splat(a, 12), v128.shuffle<f32>(high01, high23, 2, 3, 6, 7), sum);
}

/**
 * sum[j] + a[k]·B[j, k] for four lines j and one step of k.
 * @inline
 */
function oneStep(sum: v128, a: usize, p: usize, line: usize): v128 {
  let v = v128.load32_zero(p);
  v = v128.load_lane<f32>(p + line, v, 1);
  v = v128.load_lane<f32>(p + 2 * line, v, 2);
  v = v128.load_lane<f32>(p + 3 * line, v, 3);
  return madd(v128.load32_splat(a), v, sum);
}

/** @inline */
function put(c: usize, sum: v128, add: bool): void {
  v128.store(c, add ? f32x4.add(v128.load(c), sum) : sum);
}

/** c[j] (+)= Σ_k a[k]·B[j, k] over one block of k, sixteen lines at once. */
export function multiplyRow(
  c: usize, // [n] f32
  a: usize, // [k] f32
  b: usize, // [n, k] f32, line stride `line` bytes
  n: i32,
  k: i32,
  line: usize,
  add: bool,
): void {
  const middle = at(a, k & ~3);
  const end = at(a, k);
  let j = 0;
  for (; j + 16 <= n; j += 16) {
    let s0 = f32x4.splat(0);
    let s1 = f32x4.splat(0);
    let s2 = f32x4.splat(0);
    let s3 = f32x4.splat(0);
    let x = a;
    let p = b;
    while (x < middle) {
      s0 = fourSteps(s0, x, p, line);
      s1 = fourSteps(s1, x, p + 4 * line, line);
      s2 = fourSteps(s2, x, p + 8 * line, line);
      s3 = fourSteps(s3, x, p + 12 * line, line);
      x += 16;
      p += 16;
    }
    while (x < end) {
      s0 = oneStep(s0, x, p, line);
      s1 = oneStep(s1, x, p + 4 * line, line);
      s2 = oneStep(s2, x, p + 8 * line, line);
      s3 = oneStep(s3, x, p + 12 * line, line);
      x += 4;
      p += 4;
    }
    put(c, s0, add);
    put(c + 16, s1, add);
    put(c + 32, s2, add);
    put(c + 48, s3, add);
    b += line << 4;
    c += 64;
  }
  for (; j + 4 <= n; j += 4) {
    let sum = f32x4.splat(0);
    let x = a;
    let p = b;
    while (x < middle) {
      sum = fourSteps(sum, x, p, line);
      x += 16;
      p += 16;
    }
    while (x < end) {
      sum = oneStep(sum, x, p, line);
      x += 4;
      p += 4;
    }
    put(c, sum, add);
    b += line << 2;
    c += 16;
  }
  for (; j < n; j++) {
    let sum = f32x4.splat(0);
    let x = a;
    let p = b;
    while (x < end) {
      sum = madd(v128.load32_zero(x), v128.load32_zero(p), sum);
      x += 4;
      p += 4;
    }
    const value = f32x4.extract_lane(sum, 0);
    store<f32>(c, add ? load<f32>(c) + value : value);
    b += line;
    c += 4;
  }
}
