/** Philox4x32-10 in BigInt, word for word as in Salmon et al. (SC 2011), and the maps to numbers. */

const MASK = 0xffffffffn;

export function philoxBlock(counter: readonly bigint[], key: readonly bigint[]): bigint[] {
  let [c0, c1, c2, c3] = counter as [bigint, bigint, bigint, bigint];
  let [k0, k1] = key as [bigint, bigint];
  for (let round = 0; round < 10; round++) {
    const p = 0xd2511f53n * c0;
    const q = 0xcd9e8d57n * c2;
    [c0, c1, c2, c3] = [(q >> 32n) ^ c1 ^ k0, q & MASK, (p >> 32n) ^ c3 ^ k1, p & MASK];
    k0 = (k0 + 0x9e3779b9n) & MASK;
    k1 = (k1 + 0xbb67ae85n) & MASK;
  }
  return [c0, c1, c2, c3];
}

/** The first n words from block `counter` on. */
export function words(n: number, seed: number, counter: number): Uint32Array {
  const key = BigInt(seed);
  const out = new Uint32Array(n);
  for (let i = 0; i < n; i += 4) {
    const block = BigInt(counter) + BigInt(i >> 2);
    const made = philoxBlock([block & MASK, block >> 32n, 0n, 0n], [key & MASK, key >> 32n]);
    for (let j = 0; j < 4 && i + j < n; j++) out[i + j] = Number(made[j]);
  }
  return out;
}

/** A word's upper 24 bits as a number in [0, 1). */
export function unit(word: number): number {
  return (word >>> 8) / 2 ** 24;
}

/**
 * Φ⁻¹ by bisection of Φ: sign from the lowest bit, two-sided tail probability from the other 31, within
 * (outside, 1).
 */
export function normalOf(word: number, outside = 0): number {
  const a = outside + (1 - outside) * (((word >>> 1) + 0.5) / 2 ** 31);
  let low = 0;
  let high = 40;
  for (let i = 0; i < 80; i++) {
    const middle = (low + high) / 2;
    if (twoSidedTail(middle) > a) low = middle;
    else high = middle;
  }
  return word & 1 ? -low : low;
}

/** P(|Z| > z): the series of erf below 3, the continued fraction of erfc above. */
export function twoSidedTail(z: number): number {
  const x = z / Math.SQRT2;
  if (z < 3) {
    let term = x;
    let sum = x;
    for (let n = 1; n < 200; n++) {
      term *= (-x * x) / n;
      sum += term / (2 * n + 1);
    }
    return 1 - (2 / Math.sqrt(Math.PI)) * sum;
  }
  let fraction = 0;
  for (let n = 200; n > 0; n--) fraction = n / 2 / (x + fraction);
  return Math.exp(-x * x) / (x + fraction) / Math.sqrt(Math.PI);
}

/** Fisher–Yates on words 2i and 2i + 1, in BigInt. */
export function permutation(n: number, seed: number, counter: number): number[] {
  const bits = words(Math.ceil((2 * n) / 4) * 4, seed, counter);
  const order = Array.from({ length: n }, (_, i) => i);
  for (let i = 0; i < n; i++) {
    const random = (BigInt(bits[2 * i]!) << 32n) | BigInt(bits[2 * i + 1]!);
    const j = Number((random * BigInt(i + 1)) >> 64n);
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  return order;
}
