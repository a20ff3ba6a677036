import { at, loadVector, widenHigh, widenLow } from '../lanes';

/**
 * Σ (a − b)² over elements [from, to), in float64: the difference of two float32 numbers is widened before
 * it is taken, so that weights that hardly move are not lost. Two accumulators of two lanes each take four
 * numbers an iteration and are added in a fixed order.
 */
export function sumOfSquaredDifferences(
  a: usize, // [n] f32
  b: usize, // [n] f32
  from: i32,
  to: i32,
): f64 {
  let s0 = f64x2.splat(0);
  let s1 = f64x2.splat(0);
  const rest = (to - from) & 3;
  let p = at(a, from);
  let q = at(b, from);
  const end = at(a, to - rest);
  while (p < end) {
    const u = v128.load(p);
    const v = v128.load(q);
    s0 = addSquare(s0, widenLow(u), widenLow(v));
    s1 = addSquare(s1, widenHigh(u), widenHigh(v));
    p += 16;
    q += 16;
  }
  if (rest) {
    const u = loadVector(p, 0, rest);
    const v = loadVector(q, 0, rest);
    s0 = addSquare(s0, widenLow(u), widenLow(v));
    s1 = addSquare(s1, widenHigh(u), widenHigh(v));
  }
  const sum = f64x2.add(s0, s1);
  return f64x2.extract_lane(sum, 0) + f64x2.extract_lane(sum, 1);
}

/**
 * sum + (u − v)²
 * @inline
 */
function addSquare(sum: v128, u: v128, v: v128): v128 {
  const d = f64x2.sub(u, v);
  return f64x2.add(sum, f64x2.mul(d, d));
}
