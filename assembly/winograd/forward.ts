import { ConvShape } from '../conv2d/shape';
import { multiplyPacked } from '../gemm/gemm';
import { MR, NR, TILE_BYTES } from '../gemm/microkernel';
import { at, storeUpTo } from '../lanes';
import { transposeFour } from '../shuffle';
import {
  blockOf,
  componentBytes,
  componentFloats,
  describeTiles,
  fillBuffer,
  layOutTiles,
  Tiles,
  takeBlock,
  tileBytes,
} from './tiles';
import {
  COMPONENTS,
  TILE,
  TRANSFORM_BYTES,
  transformOutput,
  transformPatches,
  transformWeight,
} from './transform';

/**
 * The forward pass and the input gradient of a 3 × 3 convolution of stride 1 by Winograd's method
 * (transform.ts). Both are correlations of images with K channels to images with M: the input gradient is
 * that of dy with the weight of exchanged channels, turned by 180°.
 *
 *   U[e] = transformed weight, [M, K]        for each component e of 36
 *   V[e] = transformed patches, [K, tiles]
 *   y    = the inverse transform of U[e]·V[e], [M, tiles]
 *
 * Scratch: Tiles and its tables | TRANSFORM_BYTES | ragged tile | U | V | U·V
 */

/** Bytes of the struct, rounded up. */
const STRUCT: usize = 128;

/**
 * Channels whose products are summed from zero before they are added to a result. The blocks are shorter than
 * those of other products, because the inverse transform enlarges the rounding errors of the sums.
 */
const DEPTH: i32 = 32;

/**
 * Bytes between the rows of a product of `block` columns.
 * @inline
 */
function pitchOf(block: i32): usize {
  return ((<usize>block) << 2) + 32;
}

/** Bytes of scratch of `correlate` from k channels to m. */
function correlateScratch(m: i32, k: i32, outW: i32): f64 {
  const block = blockOf(m + k);
  const matrices =
    componentFloats(m, k) + componentFloats(k, block) + componentFloats(m, block + 8);
  return (
    <f64>(STRUCT + TRANSFORM_BYTES + TILE_BYTES) +
    tileBytes(outW, block, 1) +
    4 * <f64>COMPONENTS * matrices
  );
}

/** Bytes of scratch of winogradForward. */
export function winogradForwardScratch(shape: ConvShape): f64 {
  return correlateScratch(shape.outChannels, shape.channels, shape.outW);
}

/** Bytes of scratch of winogradInputGradient. */
export function winogradInputGradientScratch(shape: ConvShape): f64 {
  return correlateScratch(shape.channels, shape.outChannels, shape.w);
}

/**
 * y[i, o, a, b] = bias[o] + Σ_{c, u, v} weight[o, c, u, v] · x[i, c, a − p + u, b − p + v]
 *
 * then max(·, 0) with `relu`; for images [from, to). As conv2dForward.
 */
export function winogradForward(
  y: usize,
  x: usize,
  weight: usize,
  bias: usize,
  shape: ConvShape,
  relu: bool,
  from: i32,
  to: i32,
  scratch: usize,
): void {
  const m = shape.outChannels;
  const k = shape.channels;
  const tiles = changetype<Tiles>(scratch);
  const block = blockOf(m + k);
  describeTiles(tiles, shape.h, shape.w, shape.outH, shape.outW, shape.top, shape.left, block);
  correlate(tiles, y, x, weight, 9 * k, 9, 0, bias, relu, m, k, from, to);
}

/**
 * dx[i, c, a, b] = Σ_{o, u, v} weight[o, c, u, v] · dy[i, o, a + p − u, b + p − v]
 *
 * for images [from, to). As conv2dInputGradient.
 */
export function winogradInputGradient(
  dx: usize,
  dy: usize,
  weight: usize,
  shape: ConvShape,
  from: i32,
  to: i32,
  scratch: usize,
): void {
  const m = shape.channels;
  const k = shape.outChannels;
  const tiles = changetype<Tiles>(scratch);
  const block = blockOf(m + k);
  const top = 2 - shape.top;
  const left = 2 - shape.left;
  describeTiles(tiles, shape.outH, shape.outW, shape.h, shape.w, top, left, block);
  correlate(tiles, dx, dy, weight, 9, 9 * m, 8, 0, false, m, k, from, to);
}

/** The correlation of images [from, to) of x with a weight whose taps (m, k) begin at m·rowStep + k·kStep. */
function correlate(
  tiles: Tiles,
  y: usize, // [n, m, outH, outW] f32, overwritten
  x: usize, // [n, k, h, w] f32
  weight: usize,
  rowStep: i32, // floats from one of the m to the next
  kStep: i32, // floats from one of the k to the next
  turned: i32, // 8 if the taps are read backward, else 0
  bias: usize, // [m] f32, or 0
  relu: bool,
  m: i32,
  k: i32,
  from: i32,
  to: i32,
): void {
  const block = tiles.block;
  const scratch = layOutTiles(tiles, changetype<usize>(tiles) + STRUCT, 1);
  const edge = scratch + TRANSFORM_BYTES;
  const u = edge + TILE_BYTES;
  const uBytes = componentBytes(m, k);
  const v = u + <usize>COMPONENTS * uBytes;
  const vBytes = componentBytes(k, block);
  const products = v + <usize>COMPONENTS * vBytes;
  const productBytes = componentBytes(m, block + 8);
  const pitch = pitchOf(block);
  const plane = (<usize>(tiles.h * tiles.w)) << 2;
  const line = (<usize>tiles.pitch) << 2;
  const buffer = tiles.buffer;
  const image = tiles.rows * tiles.columns;
  packWeights(u, uBytes, weight, rowStep, kStep, turned, m, k, scratch);

  let first = from * image;
  const last = to * image;
  while (first < last) {
    takeBlock(tiles, first, last - first, k, 1);
    const width = (tiles.taken + NR - 1) & -NR;
    for (let c = 0; c < k; c++) {
      fillBuffer(tiles, buffer, x + <usize>c * plane);
      const start = c & -DEPTH;
      const depth = min(DEPTH, k - start);
      let dst = v + ((<usize>(start * block + (c - start) * NR)) << 2);
      for (let t = 0; t < width; t += NR) {
        const p = at(tiles.patches, t);
        transformPatches(
          buffer + load<u32>(p),
          buffer + load<u32>(p, 4),
          buffer + load<u32>(p, 8),
          buffer + load<u32>(p, 12),
          line,
          scratch,
          dst,
          vBytes,
        );
        transformPatches(
          buffer + load<u32>(p, 16),
          buffer + load<u32>(p, 20),
          buffer + load<u32>(p, 24),
          buffer + load<u32>(p, 28),
          line,
          scratch,
          dst + 16,
          vBytes,
        );
        dst += (<usize>depth) << 5;
      }
    }
    for (let e: usize = 0; e < <usize>COMPONENTS; e++) {
      for (let start = 0; start < k; start += DEPTH) {
        const stop = min(start + DEPTH, k);
        const b = v + e * vBytes + ((<usize>start * <usize>block) << 2);
        multiplyPacked(
          products + e * productBytes,
          u + e * uBytes,
          b,
          m,
          width,
          k,
          start,
          stop,
          pitch,
          start > 0,
          edge,
        );
      }
    }
    for (let o = 0; o < m; o++) {
      const b = bias ? load<f32>(at(bias, o)) : 0;
      storeTiles(
        tiles,
        y,
        products + <usize>o * pitch,
        productBytes,
        o,
        m,
        b,
        bias != 0,
        relu,
        scratch,
      );
    }
    first += tiles.taken;
  }
}

/** U: the transformed weight, each component packed as A of a product (gemm/pack.ts). */
function packWeights(
  u: usize,
  uBytes: usize,
  weight: usize,
  rowStep: i32,
  kStep: i32,
  turned: i32,
  m: i32,
  k: i32,
  scratch: usize, // TRANSFORM_BYTES
): void {
  const turnedBytes = (<usize>turned) << 2;
  const step: isize = turned ? -4 : 4;
  for (let i = 0; i < m; i += MR) {
    const rows = min(MR, m - i);
    for (let r = 0; r < rows; r += 4) {
      const few = min(4, rows - r);
      for (let c = 0; c < k; c++) {
        // Lane l is row i + r + l; rows beyond the last repeat it.
        let p = at(weight, (i + r) * rowStep + c * kStep) + turnedBytes;
        const p1 = at(0, min(1, few - 1) * rowStep);
        const p2 = at(0, min(2, few - 1) * rowStep);
        const p3 = at(0, min(3, few - 1) * rowStep);
        for (let q: usize = 0; q < 3; q++) {
          for (let t: usize = 0; t < 3; t++) {
            let taps = v128.load32_zero(p);
            taps = v128.load_lane<f32>(p + p1, taps, 1);
            taps = v128.load_lane<f32>(p + p2, taps, 2);
            taps = v128.load_lane<f32>(p + p3, taps, 3);
            v128.store(scratch + 96 * q + 16 * t, taps);
            p += <usize>step;
          }
        }
        for (let q: usize = 0; q < 288; q += 96) transformWeight(scratch + q, 16, scratch + q, 16);
        for (let q: usize = 0; q < 96; q += 16) transformWeight(scratch + q, 96, scratch + q, 96);
        let dst = at(u, i * k + c * rows + r);
        for (let q: usize = 0; q < TRANSFORM_BYTES; q += 16) {
          storeUpTo(dst, v128.load(scratch + q), few);
          dst += uBytes;
        }
      }
    }
  }
}

/** @inline */
function finish(v: v128, bias: v128, biased: bool, least: v128): v128 {
  return f32x4.pmax(biased ? f32x4.add(v, bias) : v, least);
}

/** Transforms the products of one channel of y back, and stores its part of each tile. */
function storeTiles(
  tiles: Tiles,
  y: usize,
  products: usize, // of this channel: [taken] f32 in each component
  component: usize,
  channel: i32,
  channels: i32,
  bias: f32,
  biased: bool,
  relu: bool,
  scratch: usize, // TRANSFORM_BYTES
): void {
  const outH = tiles.outH;
  const outW = tiles.outW;
  const plane = outH * outW;
  const taken = tiles.taken;
  const add = f32x4.splat(bias);
  const least = f32x4.splat(relu ? 0 : -Infinity);
  for (let t = 0; t < taken; t += 4) {
    for (let j: usize = 0; j < 6; j++) {
      transformOutput(products + j * component, 6 * component, scratch + 16 * j, 96);
    }
    for (let q: usize = 0; q < 384; q += 96) transformOutput(scratch + q, 16, scratch + q, 16);
    // Row i of the four tiles: [column, tile] to [tile, column].
    for (let q: usize = 0; q < 384; q += 96) {
      const p = scratch + q;
      transposeFour(p, 16, p, p + 16, p + 32, p + 48);
    }
    const few = min(4, taken - t);
    let place = at(tiles.places, 3 * t);
    for (let l = 0; l < few; l++) {
      const i = load<i32>(place, 4) * TILE;
      const j = load<i32>(place, 8) * TILE;
      const rows = min(TILE, outH - i);
      const columns = min(TILE, outW - j);
      let q = at(
        y + ((<usize>(load<i32>(place) * channels + channel) * <usize>plane) << 2),
        i * outW + j,
      );
      let p = scratch + ((<usize>l) << 4);
      for (let r = 0; r < rows; r++) {
        storeUpTo(q, finish(v128.load(p), add, biased, least), columns);
        p += 96;
        q = at(q, outW);
      }
      place += 12;
    }
    products += 16;
  }
}
