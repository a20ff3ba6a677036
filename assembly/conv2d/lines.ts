import { NR } from '../gemm/microkernel';
import { at } from '../lanes';

/**
 * Convolution line by line. k runs over the kernel's rows one after another, so for a whole line of
 * positions the kernel rows that read nothing but padding are the first or the last steps of k. The product
 * leaves them out, which saves 4 to 7 % of the work of 3 to 5 kernel rows on 7 to 14 lines.
 *
 * Neighbouring lines that read the same kernel rows are a run. A table of positions holds one run after
 * another, and in a run the lines of each image side by side:
 *
 *   run 0: image 0, lines 0 … a−1 | image 1, lines 0 … a−1 | …    run 1: image 0, lines a … b−1 | …
 *
 * so that the 8 positions of most panels are neighbours in the result, too.
 */

/** Line l reads, through kernel row u, row first + l·lineStep + u·rowStep of an image with `size` rows. */
@unmanaged
export class LineReads {
  lines: i32;
  kernelRows: i32;
  first: i32;
  lineStep: i32;
  rowStep: i32;
  size: i32;
  /** How many of the first and of the last kernel rows the lines of a run skip; set by runEnd. */
  before: i32;
  after: i32;
}

/**
 * C = A·B for lines of positions: the sizes and addresses that multiplyLines takes. The struct is at the
 * start of the scratch of the kernels that call it. A table of offsets is readable up to `tableLength` of
 * its entries.
 */
@unmanaged
export class LineProduct extends LineReads {
  /** Rows of A and C. */
  m: i32;
  /** Images whose lines are in the tables. */
  images: i32;
  /** Positions of a line. */
  width: i32;
  /** Taps of one kernel row, over all channels. */
  rowTaps: i32;
  /** [m, …] f32, row stride `rowBytes` bytes. */
  c: usize;
  rowBytes: usize;
  /** [m, kernelRows·rowTaps] f32, packed in tiles, one block of KC after another. */
  a: usize;
  /** The padded images. */
  source: usize;
  /** [positions] i32: byte offset of each position in the padded images. */
  bases: usize;
  /** [kernelRows·rowTaps] i32: byte offset of each tap from a position's base. */
  taps: usize;
  /** [positions] i32: byte offset of each position in a row of C. */
  places: usize;
  /** Scratch: a ragged tile; results on their way to C; panels of B. */
  edge: usize;
  results: usize;
  packedB: usize;
}

/**
 * How many of the `count` numbers first, first + step, … come before the first one in [0, size). If none is
 * in [0, size) the answer is 0: the products with padding are then computed, and are zero.
 */
function outside(first: i32, step: i32, count: i32, size: i32): i32 {
  for (let i = 0; i < count; i++) {
    if (first >= 0 && first < size) return i;
    first += step;
  }
  return 0;
}

/**
 * How many of the first kernel rows a line skips, because through them it reads nothing but padding, and, in
 * the upper half, how many of the last.
 */
function skipped(reads: LineReads, line: i32): u64 {
  const rows = reads.kernelRows;
  const step = reads.rowStep;
  const size = reads.size;
  const first = reads.first + line * reads.lineStep;
  const last = first + (rows - 1) * step;
  const before = outside(first, step, rows, size);
  return <u64>before | ((<u64>outside(last, -step, rows, size)) << 32);
}

/**
 * The end of the run of lines that begins at `line`. Sets `before` and `after` to the kernel rows its lines
 * skip.
 */
export function runEnd(reads: LineReads, line: i32): i32 {
  const lines = reads.lines;
  const skips = skipped(reads, line);
  reads.before = <i32>skips;
  reads.after = <i32>(skips >> 32);
  do line++;
  while (line < lines && skipped(reads, line) == skips);
  return line;
}

/**
 * Entries of a table of `count` offsets. The last one is repeated, so that a panel of 8 may begin at any.
 * @inline
 */
export function tableLength(count: i32): i32 {
  return count + NR - 1;
}

/** Repeats the last offset of a table up to tableLength. */
export function endTable(end: usize): void {
  for (let i = 0; i < tableLength(0); i++) store<i32>(at(end, i), load<i32>(end - 4));
}

/**
 * table[i, l, q] = start + i·image + l·line + q·step, in bytes, for the lines l in [from, to). Returns the
 * table's end.
 */
export function writePositions(
  table: usize, // [images, to − from, width] i32
  images: i32,
  from: i32,
  to: i32,
  width: i32,
  start: i32, // this and the following in floats
  image: i32,
  line: i32,
  step: i32,
): usize {
  for (let i = 0; i < images; i++) {
    for (let l = from; l < to; l++) {
      let place = (start + i * image + l * line) << 2;
      for (let q = 0; q < width; q++) {
        store<i32>(table, place);
        place += step << 2;
        table += 4;
      }
    }
  }
  return table;
}

/** The same for all positions of a product, one run of lines after another. */
export function writeRuns(
  table: usize, // [tableLength(lines·images·width)] i32
  product: LineProduct,
  start: i32, // this and the following in floats
  image: i32,
  line: i32,
  step: i32,
): void {
  const images = product.images;
  const width = product.width;
  let from = 0;
  while (from < product.lines) {
    const to = runEnd(product, from);
    table = writePositions(table, images, from, to, width, start, image, line, step);
    from = to;
  }
  endTable(table);
}
