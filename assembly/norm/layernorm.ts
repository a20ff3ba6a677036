/**
 * Layer norm of rows of d numbers. With mean = K + δ of a row and r = 1/√(var + eps),
 *
 *   x̂  = (x − K)·r + e                       e = −δ·r
 *   y  = x̂·γ + β
 *   dx = dy·γ·r + (x − K)·p + q              p = −r²·Σ(dy·γ·x̂)/d     q = −r·Σ(dy·γ·x̂)/d·e − r·Σ(dy·γ)/d
 *   dγ = Σ dy·x̂      dβ = Σ dy               over the samples
 *
 * Group norm of [n, c], without positions, is layer norm of each group, a row of c/groups numbers with a γ
 * and a β of its own. So a sample has `groups` rows here; layer norm has one.
 *
 * Each pass reads a row twice, the second time from the first-level cache, which holds rows of up to some
 * thousand numbers.
 */
import { CHUNK, chunksOf, sumPairsOfChunks } from './chunks';
import { rowStatistics, statisticsOf, subtract } from './row';
import { differentiateRow, normalizeRow, sumRow } from './rowloops';

/** The sizes of layer norm: x is [samples, groups, d]. */
@unmanaged
export class LayerNormShape {
  samples: i32;
  /** Rows of a sample. */
  groups: i32;
  /** Numbers of a row. */
  d: i32;
  eps: f32;
}

/** y = x̂·γ + β for samples [from, to); saves each row's statistics. y may be x. */
export function layerNormForward(
  y: usize, // [samples, groups, d] f32
  statistics: usize, // [samples, groups, 4] f32: K, δ, r and var
  x: usize, // [samples, groups, d] f32
  weight: usize, // [groups, d] f32, γ
  bias: usize, // [groups, d] f32, β
  shape: LayerNormShape,
  from: i32,
  to: i32,
): void {
  const d = shape.d;
  const groups = shape.groups;
  const eps = shape.eps;
  const width = (<usize>d) << 2;
  for (let n = from; n < to; n++) {
    for (let g = 0; g < groups; g++) {
      const i = n * groups + g;
      const o = <usize>i * width;
      const affine = <usize>g * width;
      const saved = statisticsOf(statistics, i);
      const differences = rowStatistics(saved, x + o, d, eps, y + o);
      const r = saved.splatInvStd();
      const e = saved.splatOffset();
      normalizeRow(true, y + o, differences, weight + affine, bias + affine, r, e, width);
    }
  }
}

/** Lines of a chunk in `partial`: Σ dy·x̂, Σ dy, and room for x − K of one row. */
const LINES = 3;

/** Bytes of `partial` in the backward pass. */
export function layerNormScratch(shape: LayerNormShape): f64 {
  return <f64>(4 * LINES) * <f64>chunksOf(shape.samples) * <f64>shape.groups * <f64>shape.d;
}

/**
 * For samples [from, to), from a multiple of 256: dx, which overwrites and may be dy; and what each chunk
 * of 256 samples adds to dγ and dβ, for layerNormAffineBackward.
 */
export function layerNormBackward(
  dx: usize, // [samples, groups, d] f32; 0: not needed
  partial: usize, // layerNormScratch(shape): [⌈samples/256⌉, LINES, groups, d] f32
  statistics: usize, // [samples, groups, 4] f32: K, δ, r and var
  dy: usize, // [samples, groups, d] f32
  x: usize, // [samples, groups, d] f32
  weight: usize, // [groups, d] f32, γ
  shape: LayerNormShape,
  from: i32,
  to: i32,
): void {
  const groups = shape.groups;
  const width = (<usize>shape.d) << 2;
  const line = <usize>groups * width;
  const stride = <usize>LINES * line;
  const share: f64 = -1 / <f64>shape.d;
  for (let n = from; n < to; n++) {
    const chunk = partial + <usize>(n / CHUNK) * stride;
    if (n % CHUNK == 0) memory.fill(chunk, 0, stride);
    for (let g = 0; g < groups; g++) {
      const i = n * groups + g;
      const o = <usize>i * width;
      const column = <usize>g * width;
      const gamma = weight + column;
      const saved = statisticsOf(statistics, i);
      let d = x + o;
      if (saved.shift != 0) {
        d = chunk + 2 * line;
        subtract(d, x + o, saved.splatShift(), shape.d);
      }
      const r = saved.splatInvStd();
      const e = saved.splatOffset();
      const sums = chunk + column;
      const totals = sumRow(true, sums, sums + line, dy + o, d, gamma, r, e, width);
      if (!dx) continue;
      const scale = share * <f64>saved.invStd;
      const sum = scale * f64x2.extract_lane(totals, 0);
      const product = scale * f64x2.extract_lane(totals, 1);
      const p = f32x4.splat(<f32>(product * <f64>saved.invStd));
      const q = f32x4.splat(<f32>(product * <f64>f32x4.extract_lane(e, 0) + sum));
      differentiateRow(true, dx + o, dy + o, d, gamma, r, p, q, width);
    }
  }
}

/** dγ += Σ dy·x̂ and dβ += Σ dy for columns [from, to) of groups·d, from the sums of the chunks. */
export function layerNormAffineBackward(
  dWeight: usize, // [groups, d] f32, added to; 0: not needed
  dBias: usize, // [groups, d] f32, added to; 0: not needed
  partial: usize, // as layerNormBackward leaves it
  shape: LayerNormShape,
  from: i32,
  to: i32,
): void {
  const columns = shape.groups * shape.d;
  const chunks = chunksOf(shape.samples);
  sumPairsOfChunks(dWeight, dBias, partial, chunks, LINES, columns, from, to);
}
