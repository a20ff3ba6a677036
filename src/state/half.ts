/** IEEE half precision: a sign, five bits of exponent, ten of fraction. */

const floats = new Float32Array(1);
const bitsOf = new Uint32Array(floats.buffer);

/** The value of a half-precision number, which float32 represents exactly. */
export function fromHalf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction ? Number.NaN : sign * Infinity;
  // Subnormal numbers are multiples of 2⁻²⁴. Each exponent from 2 on doubles the unit.
  if (exponent === 0) return (sign * fraction) / 16777216;
  return exponent > 25
    ? sign * (1024 + fraction) * (1 << (exponent - 25))
    : (sign * (1024 + fraction)) / (1 << (25 - exponent));
}

/**
 * The bits of the half-precision number that is nearest to a float32; of two that are equally near, the one
 * with the even fraction. From 65520 on that is infinity.
 */
export function toHalf(value: number): number {
  floats[0] = value;
  const bits = bitsOf[0]!;
  const sign = (bits >>> 16) & 0x8000;
  const size = bits & 0x7fffffff;
  if (size > 0x7f800000) return sign | 0x7e00; // NaN
  if (size >= 0x47800000) return sign | 0x7c00; // 65536 and more
  if (size < 0x38800000) return sign | evenlyRounded(Math.abs(floats[0]!) * 16777216); // below 2⁻¹⁴
  // Half of a unit of the fraction that stays, less one if that is even. A carry goes into the exponent,
  // whose bias is 112 less.
  const nearest = (size + 0xfff + ((size >>> 13) & 1)) >>> 13;
  return sign | (nearest - (112 << 10));
}

function evenlyRounded(value: number): number {
  const below = Math.floor(value);
  const rest = value - below;
  return rest > 0.5 || (rest === 0.5 && below % 2 === 1) ? below + 1 : below;
}

/** The value of a bfloat16, which is the upper half of a float32. */
export function fromBrainFloat(bits: number): number {
  bitsOf[0] = bits * 65536;
  return floats[0]!;
}
