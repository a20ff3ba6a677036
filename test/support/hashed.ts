/** n numbers in [0, 1): mulberry32 by counter, as test/goldens/networks.py computes them. */
export function hashed(seed: number, n: number): Float64Array {
  return Float64Array.from({ length: n }, (_, i) => {
    let t = (seed + Math.imul(i + 1, 0x6d2b79f5)) >>> 0;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  });
}
