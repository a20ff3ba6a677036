import { NR } from '../gemm/microkernel';
import { at } from '../lanes';
import { COMPONENTS, PATCH, TILE } from './transform';

/**
 * Tiles of images. The tiles of all images of a range are numbered in order: image by image, row by row. They
 * are taken in blocks, whose transforms fill a part of the second-level cache. One channel of what a block
 * reads is copied with its padding to a small buffer, so that no load checks bounds; `patches` says where each
 * tile's patch begins there:
 *
 *   buffer, one channel of an image:    · · · · · · ·      row r is image row r − top, zeros outside
 *                                       · a a a a b b      tile a reads rows and columns 0–5,
 *                                       · a a a a b b      tile b, its neighbour, columns 4–9
 */
@unmanaged
export class Tiles {
  /** Of the images that patches are read from. */
  h: i32;
  w: i32;
  /** Of the images that tiles are cut from. */
  outH: i32;
  outW: i32;
  /** Zeros above and to the left of what is read. */
  top: i32;
  left: i32;
  /** Tiles in a column and in a row of an image. */
  rows: i32;
  columns: i32;
  /** Tiles of a block, a multiple of 8. */
  block: i32;
  /** Floats of a row of the buffer. */
  pitch: i32;
  /** Rows of the buffer in use. */
  used: i32;
  /** Tiles of this block that exist; the others repeat the last one. */
  taken: i32;
  /** By row of the buffer: the byte offset of its first float in a channel of x, or ZEROS. */
  sources: usize;
  /** By tile: the byte offset of its patch in the buffer. */
  patches: usize;
  /** By tile: its image, its row and its column, 4 bytes each. */
  places: usize;
  /** The buffers of one channel, and how many bytes one takes. */
  buffer: usize;
  bufferBytes: usize;
}

/** Stands for a row of zeros in `Tiles.sources`; no offset, because it is not a multiple of 4. */
const ZEROS: u32 = 0xffffffff;

/** Rows that the buffer has for a block. */
function bufferRows(block: i32, columns: i32): i32 {
  return (block / columns + 2) * PATCH;
}

/** Fills in the sizes. */
export function describeTiles(
  tiles: Tiles,
  h: i32,
  w: i32,
  outH: i32,
  outW: i32,
  top: i32,
  left: i32,
  block: i32,
): void {
  tiles.h = h;
  tiles.w = w;
  tiles.outH = outH;
  tiles.outW = outW;
  tiles.top = top;
  tiles.left = left;
  tiles.rows = (outH + TILE - 1) / TILE;
  tiles.columns = (outW + TILE - 1) / TILE;
  tiles.block = block;
  tiles.pitch = tiles.columns * TILE + 4;
  tiles.bufferBytes = (<usize>bufferRows(block, tiles.columns) * <usize>tiles.pitch + PATCH) << 2;
}

/** Bytes of the tables and of `buffers` buffers. */
export function tileBytes(outW: i32, block: i32, buffers: i32): f64 {
  const columns = (outW + TILE - 1) / TILE;
  const rows = bufferRows(block, columns);
  const buffer = <f64>rows * <f64>(columns * TILE + 4) + <f64>PATCH;
  return 4 * (<f64>rows + 4 * <f64>block + <f64>buffers * buffer);
}

/** Places the tables and buffers from `p` on; returns the address after the tables and `buffers` buffers. */
export function layOutTiles(tiles: Tiles, p: usize, buffers: i32): usize {
  tiles.sources = p;
  tiles.patches = at(p, bufferRows(tiles.block, tiles.columns));
  tiles.places = at(tiles.patches, tiles.block);
  tiles.buffer = at(tiles.places, 3 * tiles.block);
  return tiles.buffer + <usize>buffers * tiles.bufferBytes;
}

/** Describes the block of tiles from `first` on, of which there are `count`, and zeroes the buffers. */
export function takeBlock(tiles: Tiles, first: i32, count: i32, channels: i32, buffers: i32): void {
  const rows = tiles.rows;
  const columns = tiles.columns;
  const pitch = tiles.pitch;
  const line = (<u32>tiles.w) << 2;
  const image = <u32>tiles.h * line * <u32>channels;
  tiles.taken = min(tiles.block, count);
  let row = 0; // of the buffer
  let last = -1; // line of tiles, over all images
  let base = 0;
  for (let t = 0; t < tiles.block; t++) {
    const tile = first + min(t, tiles.taken - 1);
    const over = tile / columns;
    const j = tile % columns;
    const n = over / rows;
    const i = over % rows;
    if (over != last) {
      // Neighbouring lines of tiles of one image share two rows.
      base = last >= 0 && i > 0 ? row - (PATCH - TILE) : row;
      const from = row - base;
      for (let r = from; r < PATCH; r++) {
        const y = i * TILE - tiles.top + r;
        const inside = y >= 0 && y < tiles.h;
        store<u32>(at(tiles.sources, base + r), inside ? <u32>n * image + <u32>y * line : ZEROS);
      }
      row = base + PATCH;
      last = over;
    }
    store<i32>(at(tiles.patches, t), (base * pitch + j * TILE) << 2);
    const place = at(tiles.places, 3 * t);
    store<i32>(place, n);
    store<i32>(place, i, 4);
    store<i32>(place, j, 8);
  }
  tiles.used = row;
  memory.fill(tiles.buffer, 0, <usize>buffers * tiles.bufferBytes);
}

/** Copies what the block reads of one channel, which begins at x, to the buffer at `dst`. */
export function fillBuffer(tiles: Tiles, dst: usize, x: usize): void {
  const left = tiles.left;
  const count = min(tiles.w, tiles.pitch - left);
  const line = (<usize>tiles.pitch) << 2;
  const end = at(tiles.sources, tiles.used);
  let q = at(dst, left);
  for (let p = tiles.sources; p < end; p += 4) {
    const offset = load<u32>(p);
    if (offset != ZEROS) copyRow(q, x + offset, count);
    q += line;
  }
}

/** @inline */
function copyRow(to: usize, from: usize, count: i32): void {
  if (count >= 4) {
    const last = at(to, count - 4);
    const end = at(from, count - 4);
    while (to < last) {
      v128.store(to, v128.load(from));
      from += 16;
      to += 16;
    }
    v128.store(last, v128.load(end));
  } else {
    for (let i = 0; i < count; i++) store<f32>(at(to, i), load<f32>(at(from, i)));
  }
}

/**
 * Bytes of one component of a matrix [rows, columns] of panels or lines. They are an odd number of cache lines,
 * so that the components of one tile do not meet in a few sets of the first-level cache.
 */
export function componentBytes(rows: i32, columns: i32): usize {
  return (((<usize>rows * <usize>columns) << 2) | 64) + 128;
}

/** At least componentBytes / 4, for sizes of any length. */
export function componentFloats(rows: i32, columns: i32): f64 {
  return <f64>rows * <f64>columns + 48;
}

/** Tiles of a block, so that `floats` floats for each tile and component take about 640 KiB. */
export function blockOf(floats: i32): i32 {
  return max(32, min(256, (640 << 10) / (COMPONENTS * floats * 4))) & -NR;
}
