import { blockEnd, isRun } from '../gemm/gemm';
import { at, madd, sumLanes } from '../lanes';

/**
 * Products with a single row of weights, as in depthwise convolution: packed panels would cost more
 * than the product, so the window is read in place. Bases, taps and columns are those of
 * conv2d/window.ts; an element has the same bits as it would have from packed panels.
 */

/** Sixteen neighbours on a line: c[j] (+)= Σ_k weight[k]·source[taps[k] + j]. */
function sixteen(c: usize, source: usize, weight: usize, taps: usize, k: i32, add: bool): void {
  let s0 = f32x4.splat(0);
  let s1 = f32x4.splat(0);
  let s2 = f32x4.splat(0);
  let s3 = f32x4.splat(0);
  const end = at(taps, k);
  while (taps < end) {
    const w = v128.load32_splat(weight);
    const p = source + load<u32>(taps);
    s0 = madd(w, v128.load(p), s0);
    s1 = madd(w, v128.load(p, 16), s1);
    s2 = madd(w, v128.load(p, 32), s2);
    s3 = madd(w, v128.load(p, 48), s3);
    weight += 4;
    taps += 4;
  }
  if (add) {
    s0 = f32x4.add(v128.load(c), s0);
    s1 = f32x4.add(v128.load(c, 16), s1);
    s2 = f32x4.add(v128.load(c, 32), s2);
    s3 = f32x4.add(v128.load(c, 48), s3);
  }
  v128.store(c, s0);
  v128.store(c, s1, 16);
  v128.store(c, s2, 32);
  v128.store(c, s3, 48);
}

/** Eight neighbours. */
function eight(c: usize, source: usize, weight: usize, taps: usize, k: i32, add: bool): void {
  let s0 = f32x4.splat(0);
  let s1 = f32x4.splat(0);
  const end = at(taps, k);
  while (taps < end) {
    const w = v128.load32_splat(weight);
    const p = source + load<u32>(taps);
    s0 = madd(w, v128.load(p), s0);
    s1 = madd(w, v128.load(p, 16), s1);
    weight += 4;
    taps += 4;
  }
  if (add) {
    s0 = f32x4.add(v128.load(c), s0);
    s1 = f32x4.add(v128.load(c, 16), s1);
  }
  v128.store(c, s0);
  v128.store(c, s1, 16);
}

/** Four neighbours. */
function four(c: usize, source: usize, weight: usize, taps: usize, k: i32, add: bool): void {
  let sum = f32x4.splat(0);
  const end = at(taps, k);
  while (taps < end) {
    sum = madd(v128.load32_splat(weight), v128.load(source + load<u32>(taps)), sum);
    weight += 4;
    taps += 4;
  }
  v128.store(c, add ? f32x4.add(v128.load(c), sum) : sum);
}

/** One position, on a line of fewer than four, in the low lane. */
function one(c: usize, source: usize, weight: usize, taps: usize, k: i32, add: bool): void {
  let sum = f32x4.splat(0);
  const end = at(taps, k);
  while (taps < end) {
    const x = v128.load32_zero(source + load<u32>(taps));
    sum = madd(v128.load32_zero(weight), x, sum);
    weight += 4;
    taps += 4;
  }
  store<f32>(c, f32x4.extract_lane(add ? f32x4.add(v128.load32_zero(c), sum) : sum, 0));
}

/**
 * C[columns[q]] = Σ_k weight[k]·window[bases[q] + taps[k]] over the taps [from, to), in blocks of KC,
 * line by line. What is left at a line's end is computed once more with the positions before it.
 */
export function correlate(
  c: usize, // f32, overwritten at `columns`
  weight: usize, // [k] f32
  window: usize,
  bases: usize, // [lines, width] i32, bytes
  taps: usize, // [k] i32, bytes
  columns: usize, // [lines, width] i32, bytes
  lines: i32,
  width: i32,
  from: i32,
  to: i32,
  edge: usize, // [16] f32, for results that do not lie together
): void {
  for (let line = 0; line < lines; line++) {
    const first = line * width;
    const source = window + load<u32>(at(bases, first));
    // a line's places lie equally far apart
    const together = isRun(at(columns, first), min(width, 2));
    let q = 0;
    while (q < width) {
      const left = width - q;
      let count = 1;
      if (left >= 16) count = 16;
      else if (width >= 16 && left > 8) count = 16;
      else if (width >= 8 && left > 4) count = 8;
      else if (width >= 4) count = 4;
      q = min(q, width - count);
      const target = together ? c + load<u32>(at(columns, first + q)) : edge;
      const p = at(source, q);
      for (let k = from; k < to; k = blockEnd(k, to)) {
        const depth = blockEnd(k, to) - k;
        const add = k > from;
        if (count == 16) sixteen(target, p, at(weight, k), at(taps, k), depth, add);
        else if (count == 8) eight(target, p, at(weight, k), at(taps, k), depth, add);
        else if (count == 4) four(target, p, at(weight, k), at(taps, k), depth, add);
        else one(target, p, at(weight, k), at(taps, k), depth, add);
      }
      if (!together) {
        const places = at(columns, first + q);
        for (let i = 0; i < count; i++) {
          store<f32>(c + load<u32>(at(places, i)), load<f32>(at(edge, i)));
        }
      }
      q += count;
    }
  }
}

/** Positions summed in float32 before they join dWeight, in whole lines. */
const CHUNK: i32 = 256;

/**
 * dWeight[t] += Σ_q dy[q]·window[bases[q] + taps[t]] over one image, four taps at once and each sum in
 * four lanes.
 */
export function correlateTaps(
  dWeight: usize, // [k] f32, added to
  dy: usize, // [lines, width] f32
  window: usize,
  bases: usize, // [lines, width] i32, bytes
  taps: usize, // [k] i32, bytes, readable up to the next multiple of 4
  lines: i32,
  width: i32,
  k: i32,
): void {
  const whole = width & ~3;
  const step = max(1, CHUNK / width);
  for (let start = 0; start < lines; start += step) {
    const stop = min(lines, start + step);
    for (let t = 0; t < k; t += 4) {
      const t0 = window + load<u32>(at(taps, t));
      const t1 = window + load<u32>(at(taps, t + 1));
      const t2 = window + load<u32>(at(taps, t + 2));
      const t3 = window + load<u32>(at(taps, t + 3));
      let s0 = f32x4.splat(0);
      let s1 = f32x4.splat(0);
      let s2 = f32x4.splat(0);
      let s3 = f32x4.splat(0);
      for (let line = start; line < stop; line++) {
        let p = at(dy, line * width);
        let x = <usize>load<u32>(at(bases, line * width));
        const middle = at(p, whole);
        const end = at(p, width);
        while (p < middle) {
          const g = v128.load(p);
          s0 = madd(g, v128.load(t0 + x), s0);
          s1 = madd(g, v128.load(t1 + x), s1);
          s2 = madd(g, v128.load(t2 + x), s2);
          s3 = madd(g, v128.load(t3 + x), s3);
          p += 16;
          x += 16;
        }
        while (p < end) {
          const g = v128.load32_zero(p);
          s0 = madd(g, v128.load32_zero(t0 + x), s0);
          s1 = madd(g, v128.load32_zero(t1 + x), s1);
          s2 = madd(g, v128.load32_zero(t2 + x), s2);
          s3 = madd(g, v128.load32_zero(t3 + x), s3);
          p += 4;
          x += 4;
        }
      }
      const q = at(dWeight, t);
      store<f32>(q, load<f32>(q) + sumLanes(s0));
      if (t + 1 < k) store<f32>(q, load<f32>(q, 4) + sumLanes(s1), 4);
      if (t + 2 < k) store<f32>(q, load<f32>(q, 8) + sumLanes(s2), 8);
      if (t + 3 < k) store<f32>(q, load<f32>(q, 12) + sumLanes(s3), 12);
    }
  }
}
