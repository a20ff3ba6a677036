/**
 * Scalar float64 functions for the host (schedules, bias corrections such as 1 − βᵗ), which may not
 * use Math.exp and its like: engines round those differently. No tables; errors are about an ulp.
 */

/** ln 2 in two parts; the first has 32 bits, so that n·LN2_HIGH is exact for |n| < 2²⁰. */
const LN2_HIGH: f64 = 0.6931471803691238;
const LN2_LOW: f64 = 1.9082149292705877e-10;
// biome-ignore lint/suspicious/noApproximativeNumericConstant: a kernel has no Math
const LOG2_E: f64 = 1.4426950408889634;

// biome-ignore lint/suspicious/noApproximativeNumericConstant: a kernel has no Math
const SQRT_HALF: f64 = 0.7071067811865476;

/** 2ⁿ·v, rounded once, for any n that exp can need. */
function scale(v: f64, n: i32): f64 {
  const half = n >> 1;
  return v * powerOfTwo(half) * powerOfTwo(n - half);
}

/**
 * 2ⁿ for n in [-1022, 1023].
 * @inline
 */
function powerOfTwo(n: i32): f64 {
  return reinterpret<f64>((<i64>n + 1023) << 52);
}

/** e^(x + low) = 2ⁿ·eʳ with |r| ≤ ln 2 / 2 and eʳ by its Taylor series (14 terms, 5e-18). */
function expSum(x: f64, low: f64): f64 {
  if (!(x <= 709.79)) return x > 0 ? Infinity : x;
  if (x < -745.14) return 0;
  const n = nearest<f64>(x * LOG2_E);
  const high = x - n * LN2_HIGH;
  const rest = n * LN2_LOW - low;
  const r = high - rest;
  const lost = high - r - rest; // what rounding r dropped
  let q = 1.0 / 6227020800.0;
  q = q * r + 1.0 / 479001600.0;
  q = q * r + 1.0 / 39916800.0;
  q = q * r + 1.0 / 3628800.0;
  q = q * r + 1.0 / 362880.0;
  q = q * r + 1.0 / 40320.0;
  q = q * r + 1.0 / 5040.0;
  q = q * r + 1.0 / 720.0;
  q = q * r + 1.0 / 120.0;
  q = q * r + 1.0 / 24.0;
  q = q * r + 1.0 / 6.0;
  q = q * r + 0.5;
  return scale(1 + (r + (r * r * q + lost)), <i32>n);
}

/** eˣ. */
export function expF64(x: f64): f64 {
  return expSum(x, 0);
}

/** Σ of s^(2j+1)·2/(2j+1) from j = 1: 2·atanh(s) without its first term, for |s| ≤ 0.172. */
function atanhRest(s: f64): f64 {
  const z = s * s;
  let q = 2.0 / 23.0;
  q = q * z + 2.0 / 21.0;
  q = q * z + 2.0 / 19.0;
  q = q * z + 2.0 / 17.0;
  q = q * z + 2.0 / 15.0;
  q = q * z + 2.0 / 13.0;
  q = q * z + 2.0 / 11.0;
  q = q * z + 2.0 / 9.0;
  q = q * z + 2.0 / 7.0;
  q = q * z + 2.0 / 5.0;
  q = q * z + 2.0 / 3.0;
  return q * z * s;
}

/**
 * The exponent k of x = 2ᵏ·m with m in [√½, √2), for a positive normal x.
 * @inline
 */
function exponentOf(x: f64): i32 {
  return <i32>((reinterpret<i64>(x) - reinterpret<i64>(SQRT_HALF)) >> 52);
}

/** ln x = k·ln 2 + ln m. ln 0 = −∞, of negative numbers NaN. */
export function logF64(x: f64): f64 {
  if (x < 0) return NaN;
  if (x == 0) return -Infinity;
  if (!(x < Infinity)) return x;
  const denormal = x < 2.2250738585072014e-308;
  const normal = denormal ? x * 18014398509481984.0 : x; // 2⁵⁴
  const shift = exponentOf(normal);
  const f = reinterpret<f64>(reinterpret<i64>(normal) - ((<i64>shift) << 52)) - 1;
  const k = <f64>(denormal ? shift - 54 : shift);
  // 2·s = f − s·f: the difference of f from ln(1 + f) is summed before f itself.
  const s = f / (2 + f);
  const half = 0.5 * f * f;
  const rest = s * half + atanhRest(s); // f − half + rest = ln(1 + f)
  return k * LN2_HIGH - (half - (rest + k * LN2_LOW) - f);
}

/**
 * High part of v, 26 bits, so that products of two such are exact.
 * @inline
 */
function highHalf(v: f64): f64 {
  return reinterpret<f64>(reinterpret<i64>(v) & ~(((<i64>1) << 27) - 1));
}

/** a·b − p exactly, where p = fl(a·b). */
function productError(a: f64, b: f64, p: f64): f64 {
  const ah = highHalf(a);
  const bh = highHalf(b);
  const al = a - ah;
  const bl = b - bh;
  return al * bl - (p - ah * bh - al * bh - ah * bl);
}

/**
 * xʸ = e^(y·ln x) for x > 0 with ln x and the product carried in two parts, high and low, so that a
 * large y does not multiply the logarithm's rounding. x = 0 gives 0, 1 or ∞ by y's sign; a negative
 * x is answered for integer y, as pow does.
 */
export function powF64(x: f64, y: f64): f64 {
  if (y == 0 || x == 1) return 1;
  // biome-ignore lint/suspicious/noSelfCompare: true of NaN alone
  if (x != x || y != y) return NaN;
  if (x < 0) {
    if (y != nearest<f64>(y)) return NaN;
    const magnitude = powF64(-x, y);
    const odd = abs<f64>(y) < 9007199254740992.0 && (<i64>y & 1) != 0;
    return odd ? -magnitude : magnitude;
  }
  if (x == 0) return y > 0 ? 0 : Infinity;
  if (x == Infinity) return y > 0 ? Infinity : 0;
  if (abs<f64>(y) == Infinity) return x > 1 == y > 0 ? Infinity : 0;

  const denormal = x < 2.2250738585072014e-308;
  const normal = denormal ? x * 18014398509481984.0 : x;
  const shift = exponentOf(normal);
  const m = reinterpret<f64>(reinterpret<i64>(normal) - ((<i64>shift) << 52));
  const k = <f64>(denormal ? shift - 54 : shift);

  // s + sLow = (m − 1) / (m + 1)
  const f = m - 1;
  const d = m + 1;
  const dLow = m - (d - 1);
  const s = f / d;
  const p = s * d;
  const sLow = (f - p - productError(s, d, p) - s * dLow) / d;

  // ln x = k·ln 2 + 2·s + (2·sLow + atanhRest(s)), as high + low
  const a = k * LN2_HIGH;
  const b = 2 * s;
  const sum = a + b;
  const bPart = sum - a;
  const sumError = a - (sum - bPart) + (b - bPart);
  const tail = sumError + (k * LN2_LOW + (2 * sLow + atanhRest(s)));
  const high = sum + tail;
  const low = sum - high + tail;

  const product = y * high;
  if (!(abs<f64>(product) < 1000)) return product > 0 ? Infinity : 0;
  return expSum(product, productError(y, high, product) + y * low);
}

/**
 * cos x by quarter turns: x = n·π/2 + r with π/2 in three parts, then the Taylor series of cos r or
 * sin r. For |x| up to 1e5; schedules stay within [0, π].
 */
export function cosF64(x: f64): f64 {
  if (!(abs<f64>(x) < Infinity)) return NaN;
  const n = nearest<f64>(x * 0.6366197723675814);
  const r = x - n * 1.5707963267341256 - n * 6.077100506303966e-11 - n * 2.0222662487959506e-21;
  const quarter = <i64>n & 3;
  const value = quarter & 1 ? sine(r) : cosine(r);
  return quarter == 1 || quarter == 2 ? -value : value;
}

/** 1 − r²/2 + r⁴/24 − … for |r| ≤ π/4; the low part of 1 − r²/2 is kept. */
function cosine(r: f64): f64 {
  const z = r * r;
  let q = 1.0 / 20922789888000.0;
  q = q * z - 1.0 / 87178291200.0;
  q = q * z + 1.0 / 479001600.0;
  q = q * z - 1.0 / 3628800.0;
  q = q * z + 1.0 / 40320.0;
  q = q * z - 1.0 / 720.0;
  q = q * z + 1.0 / 24.0;
  const half = 0.5 * z;
  const w = 1 - half;
  return w + (1 - w - half + z * z * q);
}

/** r − r³/6 + r⁵/120 − … for |r| ≤ π/4. */
function sine(r: f64): f64 {
  const z = r * r;
  let q = 1.0 / 355687428096000.0;
  q = q * z - 1.0 / 1307674368000.0;
  q = q * z + 1.0 / 6227020800.0;
  q = q * z - 1.0 / 39916800.0;
  q = q * z + 1.0 / 362880.0;
  q = q * z - 1.0 / 5040.0;
  q = q * z + 1.0 / 120.0;
  q = q * z - 1.0 / 6.0;
  return r + r * z * q;
}
