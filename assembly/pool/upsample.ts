import { at } from '../lanes';
import { evens, odds, zipHigh, zipLow } from '../shuffle';

/** The sizes of upsampled planes. The host writes the struct once, when it makes a plan. */
@unmanaged
export class UpsampleShape {
  /** Of x. */
  h: i32;
  w: i32;
  /** Of y. */
  outH: i32;
  outW: i32;
  /** Input size over output size: a float32 as in PyTorch, so that the same pixel is chosen. */
  scaleH: f32;
  scaleW: f32;
  /** For bilinear interpolation: whether the corners of x and y coincide. */
  alignCorners: i32;
}

/** Bytes of scratch of upsampleNearestForward and its backward: the column that each output copies. */
export function upsampleNearestScratch(shape: UpsampleShape): f64 {
  return 4 * <f64>shape.outW;
}

/** y[oh, ow] = x[⌊oh·scaleH⌋, ⌊ow·scaleW⌋], for planes [from, to). */
export function upsampleNearestForward(
  y: usize, // [planes, outH, outW] f32
  x: usize, // [planes, height, width] f32
  shape: UpsampleShape,
  from: i32,
  to: i32,
  scratch: usize, // upsampleNearestScratch
): void {
  const height = shape.h;
  const width = shape.w;
  const outH = shape.outH;
  const outW = shape.outW;
  const scaleH = shape.scaleH;
  const scaleW = shape.scaleW;
  const size = (<usize>height * <usize>width) << 2;
  const rowSize = (<usize>outW) << 2;
  const doubles = isDoubling(width, outW, scaleW);
  if (!doubles) nearestColumns(scratch, width, outW, scaleW);
  let py = y + <usize>from * <usize>outH * rowSize;
  for (let plane = from; plane < to; plane++) {
    const px = x + <usize>plane * size;
    let above = -1;
    for (let oh = 0; oh < outH; oh++) {
      const h = nearest(oh, scaleH, height);
      if (h == above) {
        memory.copy(py, py - rowSize, rowSize);
      } else {
        const row = at(px, h * width);
        if (doubles) doubleRow(py, row, width);
        else gatherRow(py, row, scratch, outW);
      }
      above = h;
      py += rowSize;
    }
  }
}

/** dx[h, w] = Σ dy[oh, ow] over the outputs that copied it, row by row, for planes [from, to). */
export function upsampleNearestBackward(
  dx: usize, // [planes, height, width] f32, overwritten
  dy: usize, // [planes, outH, outW] f32
  shape: UpsampleShape,
  from: i32,
  to: i32,
  scratch: usize, // upsampleNearestScratch
): void {
  const height = shape.h;
  const width = shape.w;
  const outH = shape.outH;
  const outW = shape.outW;
  const scaleH = shape.scaleH;
  const scaleW = shape.scaleW;
  const size = (<usize>height * <usize>width) << 2;
  const rowSize = (<usize>outW) << 2;
  const doubles = isDoubling(width, outW, scaleW);
  if (!doubles) nearestColumns(scratch, width, outW, scaleW);
  let pdy = dy + <usize>from * <usize>outH * rowSize;
  for (let plane = from; plane < to; plane++) {
    const pdx = dx + <usize>plane * size;
    memory.fill(pdx, 0, size);
    for (let oh = 0; oh < outH; oh++) {
      const row = at(pdx, nearest(oh, scaleH, height) * width);
      if (doubles) {
        addPairs(row, pdy, width);
      } else {
        for (let ow = 0; ow < outW; ow++) {
          const p = at(row, load<i32>(at(scratch, ow)));
          store<f32>(p, load<f32>(p) + load<f32>(at(pdy, ow)));
        }
      }
      pdy += rowSize;
    }
  }
}

/** Bytes of scratch of upsampleBilinearForward and its backward: the columns i, their λ, and t or dt. */
export function upsampleBilinearScratch(shape: UpsampleShape): f64 {
  return 8 * <f64>shape.outW + 4 * <f64>shape.w;
}

/**
 * Along each axis output o lies at s = max(0, (o + ½)·scale − ½) in the input, or at s = o·scale with
 * `alignCorners`, between i = ⌊s⌋ and i′ = min(i + 1, size − 1), with λ = s − i. Between rows i and i′ with
 * λh, then between columns j and j′ with λw:
 *
 *   t[w]      = (1 − λh)·x[i, w] + λh·x[i′, w]
 *   y[oh, ow] = (1 − λw)·t[j] + λw·t[j′]
 *
 * for planes [from, to). With a height of 1 this is linear interpolation of rows.
 */
export function upsampleBilinearForward(
  y: usize, // [planes, outH, outW] f32
  x: usize, // [planes, height, width] f32
  shape: UpsampleShape,
  from: i32,
  to: i32,
  scratch: usize, // upsampleBilinearScratch
): void {
  const height = shape.h;
  const width = shape.w;
  const outH = shape.outH;
  const outW = shape.outW;
  const scaleH = shape.scaleH;
  const scaleW = shape.scaleW;
  const alignCorners = shape.alignCorners;
  const size = (<usize>height * <usize>width) << 2;
  const lambdas = at(scratch, outW);
  const t = at(lambdas, outW);
  linearColumns(scratch, lambdas, width, outW, scaleW, alignCorners);
  let py = y + ((<usize>from * <usize>outH * <usize>outW) << 2);
  for (let plane = from; plane < to; plane++) {
    const px = x + <usize>plane * size;
    for (let oh = 0; oh < outH; oh++) {
      const s = source(oh, scaleH, alignCorners);
      const h = min(<i32>s, height - 1);
      const lambda = s - <f32>h;
      blendRows(t, at(px, h * width), at(px, min(h + 1, height - 1) * width), width, lambda);
      for (let ow = 0; ow < outW; ow++) {
        const w = load<i32>(at(scratch, ow));
        const l = load<f32>(at(lambdas, ow));
        const left = load<f32>(at(t, w));
        const right = load<f32>(at(t, min(w + 1, width - 1)));
        store<f32>(py, (1 - l) * left + l * right);
        py += 4;
      }
    }
  }
}

/**
 * The transpose of the forward pass, for planes [from, to). For each row of dy, from dt = 0 and dx = 0:
 *
 *   dt[j] += (1 − λw)·dy[oh, ow],   dt[j′] += λw·dy[oh, ow]
 *   dx[i, w] += (1 − λh)·dt[w],     dx[i′, w] += λh·dt[w]
 */
export function upsampleBilinearBackward(
  dx: usize, // [planes, height, width] f32, overwritten
  dy: usize, // [planes, outH, outW] f32
  shape: UpsampleShape,
  from: i32,
  to: i32,
  scratch: usize, // upsampleBilinearScratch
): void {
  const height = shape.h;
  const width = shape.w;
  const outH = shape.outH;
  const outW = shape.outW;
  const scaleH = shape.scaleH;
  const scaleW = shape.scaleW;
  const alignCorners = shape.alignCorners;
  const size = (<usize>height * <usize>width) << 2;
  const lambdas = at(scratch, outW);
  const dt = at(lambdas, outW);
  linearColumns(scratch, lambdas, width, outW, scaleW, alignCorners);
  let pdy = dy + ((<usize>from * <usize>outH * <usize>outW) << 2);
  for (let plane = from; plane < to; plane++) {
    const pdx = dx + <usize>plane * size;
    memory.fill(pdx, 0, size);
    for (let oh = 0; oh < outH; oh++) {
      memory.fill(dt, 0, (<usize>width) << 2);
      for (let ow = 0; ow < outW; ow++) {
        const w = load<i32>(at(scratch, ow));
        const l = load<f32>(at(lambdas, ow));
        const d = load<f32>(pdy);
        const left = at(dt, w);
        store<f32>(left, load<f32>(left) + (1 - l) * d);
        const right = at(dt, min(w + 1, width - 1));
        store<f32>(right, load<f32>(right) + l * d);
        pdy += 4;
      }
      const s = source(oh, scaleH, alignCorners);
      const h = min(<i32>s, height - 1);
      const lambda = s - <f32>h;
      addScaled(at(pdx, h * width), dt, width, 1 - lambda);
      addScaled(at(pdx, min(h + 1, height - 1) * width), dt, width, lambda);
    }
  }
}

/**
 * Whether each input is copied twice.
 * @inline
 */
function isDoubling(size: i32, outSize: i32, scale: f32): bool {
  return scale == 0.5 && outSize == 2 * size;
}

/**
 * The input that output o copies.
 * @inline
 */
function nearest(o: i32, scale: f32, size: i32): i32 {
  return min(<i32>(<f32>o * scale), size - 1);
}

/**
 * The position of output o in the input.
 * @inline
 */
function source(o: i32, scale: f32, alignCorners: i32): f32 {
  if (alignCorners) return <f32>o * scale;
  return max<f32>((<f32>o + 0.5) * scale - 0.5, 0);
}

function nearestColumns(columns: usize, size: i32, outSize: i32, scale: f32): void {
  for (let o = 0; o < outSize; o++) store<i32>(at(columns, o), nearest(o, scale, size));
}

function linearColumns(
  columns: usize,
  lambdas: usize,
  size: i32,
  outSize: i32,
  scale: f32,
  alignCorners: i32,
): void {
  for (let o = 0; o < outSize; o++) {
    const s = source(o, scale, alignCorners);
    const i = min(<i32>s, size - 1);
    store<i32>(at(columns, o), i);
    store<f32>(at(lambdas, o), s - <f32>i);
  }
}

/**
 * Copies each float twice.
 *
 *   v0 v1 v2 v3   →   v0 v0 v1 v1 | v2 v2 v3 v3
 */
function doubleRow(py: usize, px: usize, width: i32): void {
  const vectorsEnd = at(px, width & ~3);
  const end = at(px, width);
  while (px < vectorsEnd) {
    const v = v128.load(px);
    v128.store(py, zipLow(v, v));
    v128.store(py, zipHigh(v, v), 16);
    px += 16;
    py += 32;
  }
  while (px < end) {
    const v = load<f32>(px);
    store<f32>(py, v);
    store<f32>(py, v, 4);
    px += 4;
    py += 8;
  }
}

/** row[w] = (row[w] + dy[2w]) + dy[2w + 1] */
function addPairs(row: usize, pdy: usize, width: i32): void {
  const vectorsEnd = at(row, width & ~3);
  const end = at(row, width);
  while (row < vectorsEnd) {
    const a = v128.load(pdy);
    const b = v128.load(pdy, 16);
    v128.store(row, f32x4.add(f32x4.add(v128.load(row), evens(a, b)), odds(a, b)));
    row += 16;
    pdy += 32;
  }
  while (row < end) {
    store<f32>(row, load<f32>(row) + load<f32>(pdy) + load<f32>(pdy, 4));
    row += 4;
    pdy += 8;
  }
}

function gatherRow(py: usize, row: usize, columns: usize, outW: i32): void {
  for (let o = 0; o < outW; o++) {
    store<f32>(at(py, o), load<f32>(at(row, load<i32>(at(columns, o)))));
  }
}

/*
 * The rows of planes are short, so the tails of these loops are scalar: tails in partial vectors, as in
 * elementwise.ts, made bilinear upsampling 1.17 × slower at a width of 14.
 */

/** t = (1 − λ)·above + λ·below */
function blendRows(t: usize, above: usize, below: usize, width: i32, lambda: f32): void {
  const vectorsEnd = at(t, width & ~3);
  const end = at(t, width);
  const a = f32x4.splat(1 - lambda);
  const b = f32x4.splat(lambda);
  while (t < vectorsEnd) {
    v128.store(t, f32x4.add(f32x4.mul(a, v128.load(above)), f32x4.mul(b, v128.load(below))));
    t += 16;
    above += 16;
    below += 16;
  }
  while (t < end) {
    store<f32>(t, (1 - lambda) * load<f32>(above) + lambda * load<f32>(below));
    t += 4;
    above += 4;
    below += 4;
  }
}

/** row += scale·d */
function addScaled(row: usize, d: usize, width: i32, scale: f32): void {
  const vectorsEnd = at(row, width & ~3);
  const end = at(row, width);
  const s = f32x4.splat(scale);
  while (row < vectorsEnd) {
    v128.store(row, f32x4.add(v128.load(row), f32x4.mul(s, v128.load(d))));
    row += 16;
    d += 16;
  }
  while (row < end) {
    store<f32>(row, load<f32>(row) + scale * load<f32>(d));
    row += 4;
    d += 4;
  }
}
