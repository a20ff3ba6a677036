/**
 * Elementary functions of four float32 numbers: exp, log and others, in plain arithmetic, so that every
 * engine gives the same bits. Polynomials are minimax fits with float32 coefficients. The errors given are
 * the largest ones found in a dense sweep of the whole range.
 */
import { LONG, map, PAIRS, Unary } from './elementwise';
import { madd } from './lanes';

/** 1.5·2²³: adding it rounds a small number to an integer, which is then in the low bits. */
const ROUND: f32 = 12582912;
// biome-ignore lint/suspicious/noApproximativeNumericConstant: a kernel has no Math
const LOG2_E: f32 = 1.4426950408889634;
/** ln 2 in two parts; the first has nine bits, so that n·LN2_HIGH is exact. */
const LN2_HIGH: f32 = 0.693359375;
const LN2_LOW: f32 = -2.1219444e-4;

/**
 * (eʳ − 1 − r) / r² for |r| ≤ ln 2 / 2, to 3.4e-9 of eʳ.
 * @inline
 */
function expQuotient(r: v128): v128 {
  let q = f32x4.splat(0.001382077462039888);
  q = madd(q, r, f32x4.splat(0.008369249291718006));
  q = madd(q, r, f32x4.splat(0.041668280959129333));
  q = madd(q, r, f32x4.splat(0.16666516661643982));
  return madd(q, r, f32x4.splat(0.4999999403953552));
}

/**
 * eˣ = 2ⁿ·eʳ with n = round(x / ln 2), r = x − n·ln 2, for x in [-104, 89] or NaN. 2ⁿ is applied as
 * two factors, each a normal number: a denormal result is rounded once, and overflow is infinite.
 * @inline
 */
function expClamped(x: v128): v128 {
  const shifted = madd(x, f32x4.splat(LOG2_E), f32x4.splat(ROUND));
  const n = f32x4.sub(shifted, f32x4.splat(ROUND));
  const r = f32x4.sub(
    f32x4.sub(x, f32x4.mul(n, f32x4.splat(LN2_HIGH))),
    f32x4.mul(n, f32x4.splat(LN2_LOW)),
  );
  const er = f32x4.add(madd(f32x4.mul(r, r), expQuotient(r), r), f32x4.splat(1));
  // n is in the low bits of `shifted`. For a NaN it is arbitrary: NaN times anything is NaN.
  const exponent = i32x4.shl(shifted, 23);
  const half = v128.and(i32x4.shr_s(exponent, 1), i32x4.splat(0xff800000));
  return f32x4.mul(f32x4.mul(er, powerOfTwo(half)), powerOfTwo(i32x4.sub(exponent, half)));
}

/**
 * 2ⁿ, given n·2²³ for integer lanes n in [-126, 127]: n added to the exponent of 1.
 * @inline
 */
function powerOfTwo(exponent: v128): v128 {
  return i32x4.add(exponent, f32x4.splat(1));
}

/**
 * eˣ, 0.99 ulp; denormal results included.
 * @inline
 */
export function expLanes(x: v128): v128 {
  return expClamped(f32x4.pmin(f32x4.pmax(x, f32x4.splat(-104)), f32x4.splat(89)));
}

/**
 * eˣ for x ≤ 0 (or NaN).
 * @inline
 */
export function expNonPositive(x: v128): v128 {
  return expClamped(f32x4.pmax(x, f32x4.splat(-104)));
}

/**
 * eˣ − 1 for x in [-30, 30] (or NaN), 0.92 ulp below 0: (2ⁿ − 1) + 2ⁿ·(eʳ − 1), where the first term
 * is all but exact.
 * @inline
 */
function expm1Clamped(x: v128): v128 {
  const shifted = madd(x, f32x4.splat(LOG2_E), f32x4.splat(ROUND));
  const n = f32x4.sub(shifted, f32x4.splat(ROUND));
  const r = f32x4.sub(
    f32x4.sub(x, f32x4.mul(n, f32x4.splat(LN2_HIGH))),
    f32x4.mul(n, f32x4.splat(LN2_LOW)),
  );
  const power = powerOfTwo(i32x4.shl(shifted, 23));
  const expm1 = madd(f32x4.mul(r, r), expQuotient(r), r);
  return madd(power, expm1, f32x4.sub(power, f32x4.splat(1)));
}

/**
 * eˣ − 1 for x ≤ 0 (or NaN), 0.92 ulp; below −30 it is −1.
 * @inline
 */
export function expm1NonPositive(x: v128): v128 {
  return expm1Clamped(f32x4.pmax(x, f32x4.splat(-30)));
}

/**
 * ln x, 0.85 ulp. x = 2ᵏ·(1 + f) with 1 + f in [√½, √2), s = f / (2 + f), and
 * ln(1 + f) = 2·atanh(s) = f − (f²/2 − s·(f²/2 + R(s²))). ln 0 = −∞, of negative numbers NaN.
 * Not inlined: it is long, and only losses and local response norm compute it for each element.
 */
export function logLanes(x: v128): v128 {
  const small = f32x4.lt(x, f32x4.splat(1.1754943508222875e-38)); // denormal: times 2²³
  const normal = v128.bitselect(f32x4.mul(x, f32x4.splat(8388608)), x, small);
  const biased = i32x4.shr_s(i32x4.sub(normal, i32x4.splat(0x3f3504f3)), 23);
  const mantissa = i32x4.sub(normal, i32x4.shl(biased, 23));
  const exponent = i32x4.sub(biased, v128.and(small, i32x4.splat(23)));
  const k = f32x4.convert_i32x4_s(exponent);

  const finite = logParts(k, f32x4.sub(mantissa, f32x4.splat(1)));

  // ln ∞ = ∞ and ln NaN = NaN; ln 0 = −∞, and a negative number gives NaN.
  const usual = v128.bitselect(finite, x, f32x4.lt(x, f32x4.splat(Infinity)));
  const outside = v128.bitselect(
    f32x4.splat(-Infinity),
    f32x4.splat(NaN),
    f32x4.eq(x, f32x4.splat(0)),
  );
  return v128.bitselect(outside, usual, f32x4.le(x, f32x4.splat(0)));
}

/**
 * k·ln 2 + ln(1 + f) for 1 + f in [√½, √2).
 * @inline
 */
function logParts(k: v128, f: v128): v128 {
  const s = f32x4.div(f, f32x4.add(f, f32x4.splat(2)));
  const z = f32x4.mul(s, s);
  let R = madd(f32x4.splat(0.29871734976768494), z, f32x4.splat(0.3997756242752075));
  R = f32x4.mul(z, madd(R, z, f32x4.splat(0.6666677594184875)));
  const half = f32x4.mul(f32x4.mul(f, f), f32x4.splat(0.5));
  const correction = madd(k, f32x4.splat(LN2_LOW), f32x4.mul(s, f32x4.add(half, R)));
  const log1pf = f32x4.sub(f, f32x4.sub(half, correction));
  return madd(k, f32x4.splat(LN2_HIGH), log1pf);
}

/**
 * ln(1 + u) for u in [0, 1] (or NaN): the rounding error of w = 1 + u is added back as (u − (w − 1)) / w. ln w has
 * the bits of `logLanes`, whose other cases w in [1, 2] does not need: k is 0 or 1, and NaN comes with the error.
 * @inline
 */
export function log1pUnit(u: v128): v128 {
  const one = f32x4.splat(1);
  const w = f32x4.add(u, one);
  const lost = f32x4.sub(u, f32x4.sub(w, one));
  const k = i32x4.shr_s(i32x4.sub(w, i32x4.splat(0x3f3504f3)), 23);
  const f = f32x4.sub(i32x4.sub(w, i32x4.shl(k, 23)), one);
  return f32x4.add(logParts(f32x4.convert_i32x4_s(k), f), f32x4.div(lost, w));
}

/**
 * tanh x, 1.4 ulp: an odd polynomial for |x| < 0.625, otherwise 1 − 2 / (e²ˣ + 1), with x's sign.
 * @inline
 */
export function tanhLanes(x: v128): v128 {
  const a = f32x4.abs(x);
  const z = f32x4.mul(x, x);
  let P = f32x4.splat(-0.005697345826774836);
  P = madd(P, z, f32x4.splat(0.02063172310590744));
  P = madd(P, z, f32x4.splat(-0.05373726785182953));
  P = madd(P, z, f32x4.splat(0.1333141028881073));
  P = madd(P, z, f32x4.splat(-0.3333328068256378));
  const small = madd(a, f32x4.mul(z, P), a);

  // 1 − 2 / (e²ᵃ + 1); past 10 it is 1 already.
  const two = f32x4.splat(2);
  const e = expm1Clamped(f32x4.pmin(f32x4.add(a, a), f32x4.splat(20)));
  const large = f32x4.sub(f32x4.splat(1), f32x4.div(two, f32x4.add(e, two)));

  const magnitude = v128.bitselect(small, large, f32x4.lt(a, f32x4.splat(0.625)));
  return v128.bitselect(x, magnitude, i32x4.splat(0x80000000));
}

/**
 * σ(x) = 1 / (1 + e⁻ˣ), written with e = e^−|x| so that nothing overflows and small results keep
 * their relative accuracy: 1 / (1 + e) for x ≥ 0, e / (1 + e) for x < 0.
 * @inline
 */
export function sigmoidLanes(x: v128): v128 {
  const e = expNonPositive(f32x4.neg(f32x4.abs(x)));
  const one = f32x4.splat(1);
  const numerator = v128.bitselect(e, one, f32x4.lt(x, f32x4.splat(0)));
  return f32x4.div(numerator, f32x4.add(one, e));
}

/**
 * φ(x)·√2π = e^(−x²/2).
 * @inline
 */
export function gaussianLanes(x: v128): v128 {
  return expNonPositive(f32x4.mul(f32x4.mul(x, x), f32x4.splat(-0.5)));
}

/**
 * Φ(x), the standard normal distribution's cumulative function, ½·(1 + erf(x/√2)), given
 * e = gaussianLanes(x). Φ(−a) = e·t·P(t) with t = 1 / (1 + 0.35·a), a = |x|, relative error 1e-6
 * down to x = −5, growing with x² as e's does: the far tail is not a difference of near equals.
 * @inline
 */
export function normalCdfLanes(x: v128, e: v128): v128 {
  const one = f32x4.splat(1);
  const t = f32x4.div(one, madd(f32x4.abs(x), f32x4.splat(0.35), one));
  let P = f32x4.splat(-0.029156725853681564);
  P = madd(P, t, f32x4.splat(0.14402517676353455));
  P = madd(P, t, f32x4.splat(-0.255826860666275));
  P = madd(P, t, f32x4.splat(0.1593054085969925));
  P = madd(P, t, f32x4.splat(-0.023202164098620415));
  P = madd(P, t, f32x4.splat(0.10554800927639008));
  P = madd(P, t, f32x4.splat(0.11982247978448868));
  P = madd(P, t, f32x4.splat(0.13986334204673767));
  P = madd(P, t, f32x4.splat(0.1396213173866272));
  const tail = f32x4.mul(f32x4.mul(e, t), P);
  return v128.bitselect(tail, f32x4.sub(one, tail), f32x4.lt(x, f32x4.splat(0)));
}

@unmanaged
class Exp extends Unary {
  of(x: v128, a: v128, b: v128): v128 {
    return expLanes(x);
  }
}

/** y = eˣ for elements [from, to); y may be x. */
export function expForward(
  y: usize, // [size] f32
  x: usize, // [size] f32
  from: i32,
  to: i32,
): void {
  const none = f32x4.splat(0);
  map<Exp>(y, x, from, to, none, none, PAIRS);
}

@unmanaged
class Log extends Unary {
  of(x: v128, a: v128, b: v128): v128 {
    return logLanes(x);
  }
}

/** y = ln x for elements [from, to); y may be x. */
export function logForward(
  y: usize, // [size] f32
  x: usize, // [size] f32
  from: i32,
  to: i32,
): void {
  const none = f32x4.splat(0);
  map<Log>(y, x, from, to, none, none, LONG);
}
