import { ConvShape } from '../conv2d/shape';
import { multiplyPacked } from '../gemm/gemm';
import { MR, NR, TILE_BYTES } from '../gemm/microkernel';
import { packA } from '../gemm/pack';
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
  TRANSFORM_BYTES,
  transformGradient,
  transformPatches,
  transformWeightGradient,
} from './transform';

/**
 * The weight gradient of a 3 × 3 convolution of stride 1 by Winograd's method (transform.ts):
 *
 *   D[e] = transformed tiles of dy, [tiles, filters]
 *   V[e] = transformed patches of x, [tiles, channels]
 *   dWeight += the transform of Dᵀ[e]·V[e], [filters, channels], by Gᵀ and G
 *
 * Scratch: two Tiles | the tables and buffers of x | those of dy | TRANSFORM_BYTES | ragged tile |
 * a block of D, packed | V | D | Dᵀ·V
 */

/** Bytes of the two structs, rounded up. */
const STRUCTS: usize = 256;

/** Tiles whose products are summed from zero before they are added to a sum. */
const DEPTH: i32 = 32;

/** Whole panels of 8 channels. */
function panels(channels: i32): i32 {
  return (channels + NR - 1) & -NR;
}

/** Bytes of scratch of winogradWeightGradient for all channels. */
export function winogradWeightGradientScratch(shape: ConvShape): f64 {
  const m = shape.outChannels;
  const channels = shape.channels;
  const block = blockOf(m + channels);
  const matrices =
    componentFloats(block, panels(channels)) +
    componentFloats(block, m + 4) +
    componentFloats(m, channels + 4);
  return (
    <f64>(STRUCTS + TRANSFORM_BYTES + TILE_BYTES) +
    tileBytes(shape.outW, block, 4) * 2 +
    4 * <f64>m * <f64>DEPTH +
    4 * <f64>COMPONENTS * matrices
  );
}

/**
 * dWeight[o, c, u, v] += Σ_{i, a, b} dy[i, o, a, b] · x[i, c, a − p + u, b − p + v]
 *
 * for the channels [from, to) of every filter. Blocks of tiles are summed from zero and added in their order,
 * which the shape determines.
 */
export function winogradWeightGradient(
  dWeight: usize, // [outChannels, channels, 3, 3] f32, added to
  dy: usize, // [n, outChannels, outH, outW] f32
  x: usize, // [n, channels, h, w] f32
  n: i32,
  shape: ConvShape,
  from: i32,
  to: i32,
  scratch: usize,
): void {
  const m = shape.outChannels;
  const channels = shape.channels;
  const count = to - from;
  const outH = shape.outH;
  const outW = shape.outW;
  const block = blockOf(m + channels);
  const tiles = changetype<Tiles>(scratch);
  const tilesOfDy = changetype<Tiles>(scratch + STRUCTS / 2);
  describeTiles(tiles, shape.h, shape.w, outH, outW, shape.top, shape.left, block);
  describeTiles(tilesOfDy, outH, outW, outH, outW, 0, 0, block);
  const temporary = layOutTiles(tilesOfDy, layOutTiles(tiles, scratch + STRUCTS, 4), 4);
  const edge = temporary + TRANSFORM_BYTES;
  const packed = edge + TILE_BYTES;
  const v = at(packed, m * DEPTH);
  const vBytes = componentBytes(block, panels(count));
  const d = v + <usize>COMPONENTS * vBytes;
  const dBytes = componentBytes(block, m + 4);
  const sums = d + <usize>COMPONENTS * dBytes;
  const sumBytes = componentBytes(m, count + 4);
  const sumPitch = (<usize>(count + 4)) << 2;
  const last = n * tiles.rows * tiles.columns;

  for (let first = 0; first < last; first += block) {
    takeBlock(tiles, first, last - first, channels, 4);
    takeBlock(tilesOfDy, first, last - first, m, 4);
    const taken = tiles.taken;
    transformX(tiles, v, vBytes, x, from, count, temporary);
    transformDy(tilesOfDy, d, dBytes, dy, m, temporary);
    for (let e: usize = 0; e < <usize>COMPONENTS; e++) {
      for (let start = 0; start < taken; start += DEPTH) {
        const depth = min(DEPTH, taken - start);
        packA(packed, at(d + e * dBytes, start * m), m, m, depth, MR, false);
        multiplyPacked(
          sums + e * sumBytes,
          packed,
          at(v + e * vBytes, start * panels(count)),
          m,
          count,
          depth,
          0,
          depth,
          sumPitch,
          first > 0 || start > 0,
          edge,
        );
      }
    }
  }
  for (let o = 0; o < m; o++) {
    const row = sums + <usize>o * sumPitch;
    addGradients(at(dWeight, (o * channels + from) * 9), row, sumBytes, count, temporary);
  }
}

/** V: the transformed patches of x, four channels at a time, in panels of 8 channels. */
function transformX(
  tiles: Tiles,
  v: usize,
  vBytes: usize,
  x: usize,
  from: i32,
  count: i32,
  scratch: usize,
): void {
  const plane = (<usize>(tiles.h * tiles.w)) << 2;
  const line = (<usize>tiles.pitch) << 2;
  const buffer = tiles.buffer;
  const bytes = tiles.bufferBytes;
  const taken = tiles.taken;
  const all = panels(count);
  for (let c = 0; c < count; c += 4) {
    for (let l = 0; l < 4; l++) {
      // Lanes beyond the last channel repeat it; nobody reads what becomes of them.
      const channel = from + min(c + l, count - 1);
      fillBuffer(tiles, buffer + <usize>l * bytes, x + <usize>channel * plane);
    }
    for (let t = 0; t < taken; t++) {
      const start = t & -DEPTH;
      const depth = min(DEPTH, taken - start);
      const place = start * all + (c & -NR) * depth + (t - start) * NR + (c & (NR - 1));
      const p = buffer + load<u32>(at(tiles.patches, t));
      transformPatches(
        p,
        p + bytes,
        p + 2 * bytes,
        p + 3 * bytes,
        line,
        scratch,
        at(v, place),
        vBytes,
      );
    }
  }
}

/** D: the transformed tiles of dy, four filters at a time. */
function transformDy(
  tiles: Tiles,
  d: usize,
  dBytes: usize,
  dy: usize,
  m: i32,
  scratch: usize,
): void {
  const plane = (<usize>(tiles.h * tiles.w)) << 2;
  const line = (<usize>tiles.pitch) << 2;
  const buffer = tiles.buffer;
  const bytes = tiles.bufferBytes;
  const taken = tiles.taken;
  const rowsEnd = scratch + 4 * 96;
  for (let o = 0; o < m; o += 4) {
    const few = min(4, m - o);
    for (let l = 0; l < 4; l++) {
      const filter = o + min(l, few - 1);
      fillBuffer(tiles, buffer + <usize>l * bytes, dy + <usize>filter * plane);
    }
    let dst = at(d, o);
    for (let t = 0; t < taken; t++) {
      let p = buffer + load<u32>(at(tiles.patches, t));
      for (let q = scratch; q < rowsEnd; q += 96) {
        transposeFour(q, 16, p, p + bytes, p + 2 * bytes, p + 3 * bytes);
        transformGradient(q, 16, q, 16);
        p += line;
      }
      for (let j: usize = 0; j < 96; j += 16) {
        transformGradient(scratch + j, 96, scratch + j, 96);
      }
      let r = dst;
      for (let q: usize = 0; q < TRANSFORM_BYTES; q += 16) {
        storeUpTo(r, v128.load(scratch + q), few);
        r += dBytes;
      }
      dst = at(dst, m);
    }
  }
}

/** dWeight += Gᵀ·S·G for one filter, four channels at a time. */
function addGradients(
  dWeight: usize, // [count, 3, 3] f32, added to
  sums: usize, // [count] f32 in each component
  sumBytes: usize,
  count: i32,
  scratch: usize,
): void {
  for (let c = 0; c < count; c += 4) {
    for (let j: usize = 0; j < 6; j++) {
      transformWeightGradient(sums + j * sumBytes, 6 * sumBytes, scratch + 16 * j, 96);
    }
    for (let q: usize = 0; q < 288; q += 96) {
      transformWeightGradient(scratch + q, 16, scratch + q, 16);
    }
    const few = min(4, count - c);
    for (let l = 0; l < few; l++) {
      for (let u = 0; u < 3; u++) {
        for (let w = 0; w < 3; w++) {
          const p = at(dWeight, 9 * l + 3 * u + w);
          store<f32>(p, load<f32>(p) + load<f32>(at(scratch, 24 * u + 4 * w + l)));
        }
      }
    }
    dWeight = at(dWeight, 36);
    sums += 16;
  }
}
