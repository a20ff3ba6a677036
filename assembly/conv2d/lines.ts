import { blockEnd, isQuad, KC, MC, multiplyPacked } from '../gemm/gemm';
import { NR } from '../gemm/microkernel';
import { at } from '../lanes';
import { correlate } from './depthwise';
import { PIXELS, packPositions, panels, tableLength } from './window';

/**
 * Products over windows line by line. Taps are summed kernel row by kernel row; so the kernel rows
 * that read nothing but padding are the first or the last steps of k for all positions of a line, and
 * are left out: 4 to 7 % of the work where 3 to 5 kernel rows meet 7 to 14 lines. Neighbouring lines
 * that read the same are a run; positions stand run by run, the lines of an image together, so that
 * most panels of 8 lie together in the result too.
 */

/**
 * How many of the `count` numbers first, first + step, … come before the first that lies in
 * [0, size); none where all are outside, whose products with padding are zero.
 */
export function outside(first: i32, step: i32, count: i32, size: i32): i32 {
  for (let i = 0; i < count; i++) {
    if (first >= 0 && first < size) return i;
    first += step;
  }
  return 0;
}

/** End of the run of lines, from `line` on, that read the same kernel rows (see multiplyLines). */
export function runEnd(
  line: i32,
  lines: i32,
  kernelRows: i32,
  first: i32,
  lineStep: i32,
  rowStep: i32,
  size: i32,
): i32 {
  const last = first + (kernelRows - 1) * rowStep;
  const before = outside(first + line * lineStep, rowStep, kernelRows, size);
  const after = outside(last + line * lineStep, -rowStep, kernelRows, size);
  do line++;
  while (
    line < lines &&
    outside(first + line * lineStep, rowStep, kernelRows, size) == before &&
    outside(last + line * lineStep, -rowStep, kernelRows, size) == after
  );
  return line;
}

/**
 * table[i, l, q] = start + i·image + l·line + q·step, in bytes, for the lines l in [from, to): where
 * positions lie in the windows of a block, or in its results. Returns the table's end.
 */
export function positions(
  table: usize, // [images, to - from, width] i32
  images: i32,
  from: i32,
  to: i32,
  width: i32,
  start: i32, // all in floats
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

/** The same for multiplyLines: run after run of lines that read the same kernel rows. */
export function positionsByRun(
  table: usize, // [tableLength(lines·images·width)] i32
  images: i32,
  lines: i32,
  width: i32,
  start: i32,
  image: i32,
  line: i32,
  step: i32,
  kernelRows: i32,
  first: i32,
  lineStep: i32,
  rowStep: i32,
  size: i32,
): void {
  let l = 0;
  while (l < lines) {
    const next = runEnd(l, lines, kernelRows, first, lineStep, rowStep, size);
    table = positions(table, images, l, next, width, start, image, line, step);
    l = next;
  }
  endTable(table);
}

/** Repeats a table's last offset up to tableLength. */
export function endTable(end: usize): void {
  for (let i = 0; i < tableLength(0); i++) store<i32>(at(end, i), load<i32>(end - 4));
}

/**
 * Bytes from one row to the next of results that do not lie together in C. Not a multiple of 1 KiB:
 * rows would meet in few sets of the first-level cache.
 * @inline
 */
function pitch(positions: i32): usize {
  return <usize>((panels(min(positions, PIXELS)) << 2) + 32);
}

/** Bytes of scratch for such results, [m, positions]. */
export function resultBytes(m: i32, positions: i32): usize {
  return <usize>m * pitch(positions);
}

/**
 * C = A·B over the taps [from, to), for packed A and a B that is read from windows. As in gemm.ts an
 * element is the sum of its blocks of KC taps, whatever stands beside it.
 */
function multiplyWindows(
  c: usize, // [m, …] f32, rows `stride` bytes apart
  a: usize, // packed [m, k], block of KC after block
  window: usize,
  bases: usize, // [positions] i32
  taps: usize, // [k] i32
  columns: usize, // [positions] i32, byte offset of each position in a row of C
  m: i32,
  positions: i32,
  width: i32, // positions on a line
  k: i32,
  from: i32,
  to: i32,
  stride: usize,
  edge: usize, // [TILE_BYTES]
  packedB: usize, // panelBytes(positions, k)
  results: usize, // resultBytes(m, positions)
): void {
  if (m == 1) {
    const lines = positions / width;
    correlate(c, a, window, bases, taps, columns, lines, width, from, to, edge);
    return;
  }
  for (let jc = 0; jc < positions; jc += PIXELS) {
    const taken = min(PIXELS, positions - jc);
    const places = at(columns, jc);
    const first = load<u32>(places);
    const together = load<u32>(at(places, taken - 1)) == first + ((taken - 1) << 2);
    const target = together ? c + first : results;
    const row = together ? stride : pitch(taken);
    for (let start = from; start < to; start = blockEnd(start, to)) {
      const stop = blockEnd(start, to);
      const block = start - (start % KC);
      const depth = min(KC, k - block);
      packPositions(packedB, window, at(bases, jc), at(taps, start), taken, stop - start);
      for (let ic = 0; ic < m; ic += MC) {
        multiplyPacked(
          target + <usize>ic * row,
          at(a, m * block + ic * depth),
          packedB,
          min(MC, m - ic),
          together ? taken : panels(taken),
          depth,
          start - block,
          stop - block,
          row,
          start > from,
          edge,
        );
      }
    }
    if (!together) scatter(c, stride, places, results, row, m, taken);
  }
}

/** Brings results to their places in the rows of C. */
function scatter(
  c: usize, // [m, …] f32, rows `stride` bytes apart
  stride: usize,
  columns: usize, // [positions] i32, readable in whole fours
  results: usize, // [m, positions] f32, rows `row` bytes apart
  row: usize,
  m: i32,
  positions: i32,
): void {
  const end = at(results, positions);
  const last = <usize>m * row;
  while (results < end) {
    let from = results;
    const stop = from + last;
    let p = c + load<u32>(columns);
    if (results + 16 > end) {
      while (from < stop) {
        store<f32>(p, load<f32>(from));
        from += row;
        p += stride;
      }
      results += 4;
      columns += 4;
      continue;
    }
    if (isQuad(columns)) {
      while (from < stop) {
        v128.store(p, v128.load(from));
        from += row;
        p += stride;
      }
    } else {
      let p1 = c + load<u32>(columns, 4);
      let p2 = c + load<u32>(columns, 8);
      let p3 = c + load<u32>(columns, 12);
      while (from < stop) {
        const v = v128.load(from);
        v128.store_lane<f32>(p, v, 0);
        v128.store_lane<f32>(p1, v, 1);
        v128.store_lane<f32>(p2, v, 2);
        v128.store_lane<f32>(p3, v, 3);
        from += row;
        p += stride;
        p1 += stride;
        p2 += stride;
        p3 += stride;
      }
    }
    results += 16;
    columns += 16;
  }
}

/**
 * C = A·B for lines of positions, each over the kernel rows that read its image: kernel row u reads
 * row first + line·lineStep + u·rowStep of `size`. Lines that read the same are taken together, image
 * by image, so that most panels lie together in C.
 */
export function multiplyLines(
  c: usize, // [m, …] f32, rows `stride` bytes apart
  a: usize, // packed [m, kernelRows·taps], block of KC after block
  window: usize,
  bases: usize, // [runs of lines, images, lines of the run, width] i32
  offsets: usize, // [kernelRows, taps] i32
  columns: usize, // as bases: byte offset of each position in a row of C
  m: i32,
  lines: i32,
  images: i32,
  width: i32,
  kernelRows: i32,
  taps: i32, // of one kernel row, all channels
  first: i32,
  lineStep: i32,
  rowStep: i32,
  size: i32,
  stride: usize,
  edge: usize, // [TILE_BYTES]
  packedB: usize, // panelBytes(positions, k)
  results: usize, // resultBytes(m, positions)
): void {
  const last = first + (kernelRows - 1) * rowStep;
  let line = 0;
  while (line < lines) {
    const before = outside(first + line * lineStep, rowStep, kernelRows, size);
    const after = outside(last + line * lineStep, -rowStep, kernelRows, size);
    const next = runEnd(line, lines, kernelRows, first, lineStep, rowStep, size);
    // An image's piece of a run lies together in C: alone it needs no detour if it fills its panels.
    const piece = (next - line) * width;
    const pieces = (piece & (NR - 1)) == 0 ? images : 1;
    const taken = (images / pieces) * piece;
    for (let i = 0; i < pieces; i++) {
      const skipped = line * images * width + i * taken;
      multiplyWindows(
        c,
        a,
        window,
        at(bases, skipped),
        offsets,
        at(columns, skipped),
        m,
        taken,
        width,
        kernelRows * taps,
        before * taps,
        (kernelRows - after) * taps,
        stride,
        edge,
        packedB,
        results,
      );
    }
    line = next;
  }
}
