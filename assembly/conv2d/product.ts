import { blockEnd, isQuad, KC, MC, multiplyPacked } from '../gemm/gemm';
import { NR, TILE_BYTES } from '../gemm/microkernel';
import { at } from '../lanes';
import { correlate } from './depthwise';
import { LineProduct, runEnd, tableLength } from './lines';
import { packPositions } from './pack';
import { PaddedImage } from './padded';
import { PADDED_FLOATS, POSITIONS, wholePanels } from './shape';

/**
 * The product that forward and the input gradient run, line by line (lines.ts), and its scratch:
 *
 *   LineProduct | PaddedImage | ragged tile | results | panels of B | A, packed | bases | places |
 *   taps | offsets of the weights | padded images
 */

/** Bytes of the two structs, rounded up so that what follows keeps its alignment. */
const STRUCTS: usize = 128;

/** The description of the padded image that a product reads, after the product's own struct. */
export function paddedOf(product: LineProduct): PaddedImage {
  return changetype<PaddedImage>(changetype<usize>(product) + offsetof<LineProduct>());
}

/**
 * Bytes from one row to the next of results that are not neighbours in C. Not a multiple of 1 KiB, so that
 * the rows do not meet in a few sets of the first-level cache.
 * @inline
 */
function pitch(positions: i32): usize {
  return <usize>((wholePanels(min(positions, POSITIONS)) << 2) + 32);
}

/**
 * Bytes of results, [m, positions], on their way to C.
 * @inline
 */
function resultBytes(m: i32, positions: i32): usize {
  return <usize>m * pitch(positions);
}

/**
 * Bytes of the packed panels of B, at most KC deep and POSITIONS wide.
 * @inline
 */
function panelBytes(positions: i32, k: i32): usize {
  return (<usize>min(k, KC) * <usize>wholePanels(min(positions, POSITIONS))) << 2;
}

/**
 * How many images are handled together: enough for a line of all of them to fill whole panels, for small
 * images up to POSITIONS positions, within the limit of PADDED_FLOATS.
 */
function imagesTogether(plane: i32, width: i32, floats: f64): i32 {
  let whole = 1;
  while ((whole * width) & (NR - 1) && whole * width < 64) whole *= 2;
  const images = max(1, POSITIONS / plane / whole) * whole;
  return max(1, min(images, <i32>(<f64>PADDED_FLOATS / floats)));
}

/** Bytes of scratch of a product: see layOutProduct. */
export function productScratch(
  m: i32,
  k: i32,
  rows: i32,
  plane: i32,
  width: i32,
  residues: i32,
  floats: f64,
): f64 {
  const images = imagesTogether(plane, width, floats);
  const positions = images * plane;
  const results = <f64>m * <f64>pitch(positions);
  const fixed = <f64>(STRUCTS + TILE_BYTES + panelBytes(positions, k)) + results;
  const offsets = <f64>residues * <f64>tableLength(0) + <f64>tableLength(k);
  const tables = 2 * (<f64>positions + offsets);
  return fixed + 4 * (<f64>rows * <f64>k + tables + <f64>images * floats);
}

/**
 * Places the parts of the scratch, zeroes the padded images, and sets product.images to how many of them
 * are handled together. Returns the address of the offsets of the weights.
 */
export function layOutProduct(
  product: LineProduct,
  k: i32, // taps of one group, over all residues
  rows: i32, // of A, over all groups
  plane: i32, // positions of an image
  width: i32, // positions of a line
  residues: i32, // tables of positions
  floats: i32, // of a padded image
): usize {
  const images = imagesTogether(plane, width, <f64>floats);
  const positions = images * plane;
  const entries = positions + residues * tableLength(0);
  product.images = images;
  product.edge = changetype<usize>(product) + STRUCTS;
  product.results = product.edge + TILE_BYTES;
  product.packedB = product.results + resultBytes(product.m, positions);
  product.a = product.packedB + panelBytes(positions, k);
  product.bases = product.a + ((<usize>rows * <usize>k) << 2);
  product.places = at(product.bases, entries);
  product.taps = at(product.places, entries);
  const weightAt = at(product.taps, tableLength(k));
  product.source = at(weightAt, tableLength(k));
  memory.fill(product.source, 0, (<usize>(images * floats)) << 2);
  return weightAt;
}

/**
 * C = A·B, each line of positions over the kernel rows that read its image. The lines of a run are taken
 * together.
 */
export function multiplyLines(product: LineProduct): void {
  const lines = product.lines;
  const images = product.images;
  const width = product.width;
  const kernelRows = product.kernelRows;
  const rowTaps = product.rowTaps;
  let line = 0;
  while (line < lines) {
    const next = runEnd(product, line);
    const from = product.before * rowTaps;
    const to = (kernelRows - product.after) * rowTaps;
    // The positions of one image are neighbours in C: if they fill whole panels, results are written there
    // directly.
    const piece = (next - line) * width;
    const pieces = (piece & (NR - 1)) == 0 ? images : 1;
    const taken = (images / pieces) * piece;
    for (let i = 0; i < pieces; i++) {
      const skipped = line * images * width + i * taken;
      const bases = at(product.bases, skipped);
      multiplyPositions(product, bases, at(product.places, skipped), taken, from, to);
    }
    line = next;
  }
}

/**
 * C = A·B for positions that are neighbours in the tables, over the taps [from, to). As in gemm.ts an
 * element is the sum of its blocks of KC taps, whatever its neighbours are.
 */
function multiplyPositions(
  product: LineProduct,
  bases: usize,
  places: usize,
  positions: i32,
  from: i32,
  to: i32,
): void {
  const m = product.m;
  if (m == 1) {
    correlate(product, bases, places, positions / product.width, from, to);
    return;
  }
  const k = product.kernelRows * product.rowTaps;
  const c = product.c;
  const rowBytes = product.rowBytes;
  const a = product.a;
  const source = product.source;
  const taps = product.taps;
  const edge = product.edge;
  const results = product.results;
  const packedB = product.packedB;
  for (let jc = 0; jc < positions; jc += POSITIONS) {
    const taken = min(POSITIONS, positions - jc);
    const place = at(places, jc);
    const first = load<u32>(place);
    const together = load<u32>(at(place, taken - 1)) == first + ((taken - 1) << 2);
    const target = together ? c + first : results;
    const row = together ? rowBytes : pitch(taken);
    for (let start = from; start < to; start = blockEnd(start, to)) {
      const stop = blockEnd(start, to);
      const block = start - (start % KC);
      const depth = min(KC, k - block);
      packPositions(packedB, source, at(bases, jc), at(taps, start), taken, stop - start);
      for (let ic = 0; ic < m; ic += MC) {
        multiplyPacked(
          target + <usize>ic * row,
          at(a, m * block + ic * depth),
          packedB,
          min(MC, m - ic),
          together ? taken : wholePanels(taken),
          depth,
          start - block,
          stop - block,
          row,
          start > from,
          edge,
        );
      }
    }
    if (!together) scatter(c, rowBytes, place, results, row, m, taken);
  }
}

/**
 * Copies results to their places in the rows of C, four positions of all rows at a time. Four neighbours
 * are stored as a vector, others lane by lane.
 */
function scatter(
  c: usize, // [m, …] f32, row stride `rowBytes` bytes
  rowBytes: usize,
  places: usize, // [positions] i32, readable in whole fours
  results: usize, // [m, positions] f32, row stride `row` bytes
  row: usize,
  m: i32,
  positions: i32,
): void {
  const end = at(results, positions);
  const last = <usize>m * row;
  while (results < end) {
    let from = results;
    const stop = from + last;
    let p = c + load<u32>(places);
    if (results + 16 > end) {
      while (from < stop) {
        store<f32>(p, load<f32>(from));
        from += row;
        p += rowBytes;
      }
      results += 4;
      places += 4;
      continue;
    }
    if (isQuad(places)) {
      while (from < stop) {
        v128.store(p, v128.load(from));
        from += row;
        p += rowBytes;
      }
    } else {
      let p1 = c + load<u32>(places, 4);
      let p2 = c + load<u32>(places, 8);
      let p3 = c + load<u32>(places, 12);
      while (from < stop) {
        const v = v128.load(from);
        v128.store_lane<f32>(p, v, 0);
        v128.store_lane<f32>(p1, v, 1);
        v128.store_lane<f32>(p2, v, 2);
        v128.store_lane<f32>(p3, v, 3);
        from += row;
        p += rowBytes;
        p1 += rowBytes;
        p2 += rowBytes;
        p3 += rowBytes;
      }
    }
    results += 16;
    places += 16;
  }
}
