import { at } from '../lanes';
import { loadEvens } from '../shuffle';
import { ConvShape, groupChannels } from './shape';

/**
 * A padded image: a copy of the part of an image that the kernel reads, with its zero padding, so that the
 * loops check no bounds. The value for tap t (channel, kernel row, kernel column) at output position q lies
 * at source + bases[q] + taps[t].
 *
 * With a column stride s a line is stored in s phases: the columns ≡ 0 (mod s), then those ≡ 1, and so on.
 * Then neighbouring output positions read neighbouring floats, whatever the stride:
 *
 *   columns      0 1 2 3 4 5 6
 *   s = 2        0 2 4 6 | 1 3 5 ·      tap 0 reads 0 2 4 …, tap 1 reads 1 3 5 …, tap 2 reads 2 4 6 …
 */
@unmanaged
export class PaddedImage {
  /** Channels of one group. */
  channels: i32;
  /** Of the image. */
  h: i32;
  w: i32;
  /** Of the padded image. */
  rows: i32;
  columns: i32;
  /** Padding before the first row and column; negative where the image's first ones are never read. */
  top: i32;
  left: i32;
  /** Phases of a line; one if there is only one output column, whatever the stride. */
  stride: i32;
  /** Floats of a line: whole phases. */
  line: i32;
  /** Floats of all channels. */
  floats: i32;
}

/**
 * Rows or columns that `out` positions of a kernel read.
 * @inline
 */
function extent(out: i32, kernel: i32, stride: i32, dilation: i32): i32 {
  return (out - 1) * stride + (kernel - 1) * dilation + 1;
}

/**
 * Phases of a line.
 * @inline
 */
function phasesOf(shape: ConvShape): i32 {
  return shape.outW == 1 ? 1 : shape.strideW;
}

/**
 * Floats of a line of `columns` columns, in whole phases.
 * @inline
 */
function lineLength(columns: i32, phases: i32): i32 {
  return ((columns + phases - 1) / phases) * phases;
}

/** Floats of an input image that is padded. */
export function inputFloats(shape: ConvShape): f64 {
  const rows = extent(shape.outH, shape.kernelH, shape.strideH, shape.dilationH);
  const columns = extent(shape.outW, shape.kernelW, shape.strideW, shape.dilationW);
  return <f64>groupChannels(shape) * <f64>rows * <f64>lineLength(columns, phasesOf(shape));
}

/** Describes an input image that is padded, as forward and the weight gradient read it. */
export function padInput(padded: PaddedImage, shape: ConvShape): void {
  padded.channels = groupChannels(shape);
  padded.h = shape.h;
  padded.w = shape.w;
  padded.rows = extent(shape.outH, shape.kernelH, shape.strideH, shape.dilationH);
  padded.columns = extent(shape.outW, shape.kernelW, shape.strideW, shape.dilationW);
  padded.top = shape.top;
  padded.left = shape.left;
  padded.stride = phasesOf(shape);
  padded.line = lineLength(padded.columns, padded.stride);
  padded.floats = padded.channels * padded.rows * padded.line;
}

/**
 * Copies images into padded images that were zeroed: padded row r is image row r − top. The padding is left
 * as it is.
 */
export function fillPadded(
  dst: usize, // [images, channels, rows, line] f32
  src: usize, // [images, channels, h, w] f32, image stride `step` bytes
  step: usize,
  images: i32,
  padded: PaddedImage,
): void {
  const channels = padded.channels;
  const h = padded.h;
  const w = padded.w;
  const rows = padded.rows;
  const top = padded.top;
  const left = padded.left;
  const stride = padded.stride;
  const line = padded.line;
  const floats = padded.floats;
  const phaseLength = line / stride;
  const firstRow = max(0, top);
  const lastRow = min(rows, h + top);
  const firstColumn = max(0, left);
  const lastColumn = min(padded.columns, w + left);
  if (lastColumn <= firstColumn) return;
  for (let i = 0; i < images; i++) {
    for (let phase = 0; phase < stride; phase++) {
      const first = (firstColumn - phase + stride - 1) / stride;
      const count = (lastColumn - phase + stride - 1) / stride - first;
      if (count == 0) continue;
      for (let c = 0; c < channels; c++) {
        let to = at(dst, (c * rows + firstRow) * line + phase * phaseLength + first);
        let from = at(src, (c * h + firstRow - top) * w - left + phase + first * stride);
        for (let r = firstRow; r < lastRow; r++) {
          if (stride > 2 || count < 4) copyStrided(to, from, count, stride);
          else if (stride == 2) copyEvens(to, from, count);
          else copyRun(to, from, count);
          to = at(to, line);
          from = at(from, w);
        }
      }
    }
    dst = at(dst, floats);
    src += step;
  }
}

/**
 * Copies four floats or more. The last four are always copied together, even if some of them are copied
 * already.
 * @inline
 */
function copyRun(to: usize, from: usize, count: i32): void {
  const last = at(to, count - 4);
  const end = at(from, count - 4);
  while (to < last) {
    v128.store(to, v128.load(from));
    from += 16;
    to += 16;
  }
  v128.store(last, v128.load(end));
}

/**
 * to[i] = from[2·i], with the last four as in copyRun. Nothing after from[2·count − 2] is read.
 * @inline
 */
function copyEvens(to: usize, from: usize, count: i32): void {
  const last = at(to, count - 4);
  const end = at(from, 2 * (count - 4));
  while (to < last) {
    v128.store(to, loadEvens(from));
    from += 32;
    to += 16;
  }
  v128.store(last, loadEvens(end));
}

/**
 * to[i] = from[stride·i]
 * @inline
 */
function copyStrided(to: usize, from: usize, count: i32, stride: i32): void {
  const step = (<usize>stride) << 2;
  for (let i = 0; i < count; i++) {
    store<f32>(at(to, i), load<f32>(from));
    from += step;
  }
}
