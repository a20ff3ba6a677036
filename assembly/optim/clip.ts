import { mapInPlace, Unary } from '../elementwise';
import { at, loadVector, widenHigh, widenLow } from '../lanes';
import { splat } from './scalars';

/**
 * Σ x² over elements [from, to), in float64: four accumulators of two lanes each take 8 numbers an
 * iteration and are added in a fixed order. The host calls this for blocks of a fixed size and adds their
 * sums in order.
 */
export function sumOfSquares(
  x: usize, // [n] f32
  from: i32,
  to: i32,
): f64 {
  let s0 = f64x2.splat(0);
  let s1 = f64x2.splat(0);
  let s2 = f64x2.splat(0);
  let s3 = f64x2.splat(0);
  let p = at(x, from);
  const rest = (to - from) & 7;
  const end = at(x, to - rest);
  while (p < end) {
    const a = v128.load(p);
    const b = v128.load(p, 16);
    s0 = addSquare(s0, widenLow(a));
    s1 = addSquare(s1, widenHigh(a));
    s2 = addSquare(s2, widenLow(b));
    s3 = addSquare(s3, widenHigh(b));
    p += 32;
  }
  if (rest) {
    const a = loadVector(p, 0, rest);
    s0 = addSquare(s0, widenLow(a));
    s1 = addSquare(s1, widenHigh(a));
    if (rest > 4) {
      const b = loadVector(p + 16, 0, rest - 4);
      s2 = addSquare(s2, widenLow(b));
      s3 = addSquare(s3, widenHigh(b));
    }
  }
  const sum = f64x2.add(f64x2.add(s0, s2), f64x2.add(s1, s3));
  return f64x2.extract_lane(sum, 0) + f64x2.extract_lane(sum, 1);
}

/**
 * sum + v², plain in both builds: a square of a float32 is exact in float64.
 * @inline
 */
function addSquare(sum: v128, v: v128): v128 {
  return f64x2.add(sum, f64x2.mul(v, v));
}

@unmanaged
class Scale extends Unary {
  of(x: v128, factor: v128, b: v128): v128 {
    return f32x4.mul(factor, x);
  }
}

/** x ← factor·x, elements [from, to). */
export function scaleInPlace(
  x: usize, // [n] f32, updated
  factor: f64,
  from: i32,
  to: i32,
): void {
  const k = splat(factor);
  mapInPlace<Scale>(x, from, to, k, k);
}

@unmanaged
class Clamp extends Unary {
  of(x: v128, low: v128, high: v128): v128 {
    return f32x4.pmin(f32x4.pmax(x, low), high);
  }
}

/** x ← min(max(x, −limit), limit), NaN passing, elements [from, to). */
export function clampInPlace(
  x: usize, // [n] f32, updated
  limit: f64,
  from: i32,
  to: i32,
): void {
  mapInPlace<Clamp>(x, from, to, splat(-limit), splat(limit));
}
