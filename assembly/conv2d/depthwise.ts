import { blockEnd, isRun } from '../gemm/gemm';
import { at, madd, sumLanes } from '../lanes';
import { LineProduct } from './lines';

/**
 * Products with a single row of weights (m = 1), as in depthwise convolution. Packed panels would cost more
 * than the product, so the padded image is read in place. An element has the same bits as it would have from
 * packed panels.
 */

/**
 * c[j] (+)= Σ_k weight[k]·source[taps[k] + j] for 4, 8 or 16 neighbours on a line: one, two or four
 * vectors, known at compile time.
 * @inline
 */
function neighbours(
  vectors: i32,
  c: usize,
  source: usize,
  weight: usize,
  taps: usize,
  k: i32,
  add: bool,
): void {
  let s0 = f32x4.splat(0);
  let s1 = f32x4.splat(0);
  let s2 = f32x4.splat(0);
  let s3 = f32x4.splat(0);
  const end = at(taps, k);
  while (taps < end) {
    const w = v128.load32_splat(weight);
    const p = source + load<u32>(taps);
    s0 = madd(w, v128.load(p), s0);
    if (vectors > 1) s1 = madd(w, v128.load(p, 16), s1);
    if (vectors > 2) s2 = madd(w, v128.load(p, 32), s2);
    if (vectors > 2) s3 = madd(w, v128.load(p, 48), s3);
    weight += 4;
    taps += 4;
  }
  if (add) {
    s0 = f32x4.add(v128.load(c), s0);
    if (vectors > 1) s1 = f32x4.add(v128.load(c, 16), s1);
    if (vectors > 2) s2 = f32x4.add(v128.load(c, 32), s2);
    if (vectors > 2) s3 = f32x4.add(v128.load(c, 48), s3);
  }
  v128.store(c, s0);
  if (vectors > 1) v128.store(c, s1, 16);
  if (vectors > 2) v128.store(c, s2, 32);
  if (vectors > 2) v128.store(c, s3, 48);
}

function sixteen(c: usize, source: usize, weight: usize, taps: usize, k: i32, add: bool): void {
  neighbours(4, c, source, weight, taps, k, add);
}

function eight(c: usize, source: usize, weight: usize, taps: usize, k: i32, add: bool): void {
  neighbours(2, c, source, weight, taps, k, add);
}

function four(c: usize, source: usize, weight: usize, taps: usize, k: i32, add: bool): void {
  neighbours(1, c, source, weight, taps, k, add);
}

/** One position, in the low lane, on a line of fewer than four. */
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
 * C[places[q]] = Σ_k a[k]·source[bases[q] + taps[k]] for `lines` lines of positions, over the taps [from,
 * to), in blocks of KC. At the end of a line the last vector is moved back, so that positions before it are
 * computed once more.
 */
export function correlate(
  product: LineProduct, // C is overwritten at `places`
  bases: usize, // [lines, width] i32, bytes
  places: usize, // [lines, width] i32, bytes
  lines: i32,
  from: i32,
  to: i32,
): void {
  const c = product.c;
  const weight = product.a;
  const source = product.source;
  const taps = product.taps;
  const width = product.width;
  const edge = product.edge; // for results that are not neighbours in C
  for (let line = 0; line < lines; line++) {
    const first = line * width;
    const images = source + load<u32>(at(bases, first));
    // The places of a line have one stride.
    const together = isRun(at(places, first), min(width, 2));
    let q = 0;
    while (q < width) {
      const left = width - q;
      let count = 1;
      if (left >= 16) count = 16;
      else if (width >= 16 && left > 8) count = 16;
      else if (width >= 8 && left > 4) count = 8;
      else if (width >= 4) count = 4;
      q = min(q, width - count);
      const target = together ? c + load<u32>(at(places, first + q)) : edge;
      const p = at(images, q);
      for (let k = from; k < to; k = blockEnd(k, to)) {
        const depth = blockEnd(k, to) - k;
        const add = k > from;
        if (count == 16) sixteen(target, p, at(weight, k), at(taps, k), depth, add);
        else if (count == 8) eight(target, p, at(weight, k), at(taps, k), depth, add);
        else if (count == 4) four(target, p, at(weight, k), at(taps, k), depth, add);
        else one(target, p, at(weight, k), at(taps, k), depth, add);
      }
      if (!together) {
        const place = at(places, first + q);
        // The places are a stride apart. A lane is stored from the register: a loop over single floats would read
        // what was just stored as vectors, and take 1.7 times as long.
        let to = c + load<u32>(place);
        if (count == 1) {
          store<f32>(to, load<f32>(edge));
        } else {
          const stride = load<u32>(place, 4) - load<u32>(place);
          const end = at(edge, count);
          let from = edge;
          while (from < end) {
            const v = v128.load(from);
            v128.store_lane<f32>(to, v, 0);
            to += stride;
            v128.store_lane<f32>(to, v, 1);
            to += stride;
            v128.store_lane<f32>(to, v, 2);
            to += stride;
            v128.store_lane<f32>(to, v, 3);
            to += stride;
            from += 16;
          }
        }
      }
      q += count;
    }
  }
}

/** Positions, in whole lines, that are summed before the sum is added to dWeight. */
const CHUNK: i32 = 256;

/**
 * dWeight[t] += Σ_q dy[q]·source[bases[q] + taps[t]] over the positions of one image, four taps at a time,
 * each sum in four lanes.
 */
export function correlateTaps(
  dWeight: usize, // [k] f32, added to
  dy: usize, // [lines, width] f32
  source: usize,
  bases: usize, // [lines, width] i32, bytes
  taps: usize, // [k] i32, bytes, readable in whole fours
  lines: i32,
  width: i32,
  k: i32,
): void {
  const whole = width & ~3;
  const step = max(1, CHUNK / width);
  for (let start = 0; start < lines; start += step) {
    const stop = min(lines, start + step);
    for (let t = 0; t < k; t += 4) {
      const t0 = source + load<u32>(at(taps, t));
      const t1 = source + load<u32>(at(taps, t + 1));
      const t2 = source + load<u32>(at(taps, t + 2));
      const t3 = source + load<u32>(at(taps, t + 3));
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
