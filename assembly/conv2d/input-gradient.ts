import { at } from '../lanes';
import { LineProduct, tableLength, writeRuns } from './lines';
import { packWeight } from './pack';
import { fillPadded, PaddedImage } from './padded';
import { layOutProduct, multiplyLines, paddedOf, productScratch } from './product';
import { ConvShape, groupChannels, groupFilters } from './shape';

/**
 * The gradient with respect to the input. Along one axis with stride s, padding p and dilation d, tap u
 * adds to dx at position i wherever oh = (i + p − u·d)/s is whole. Write i + p = s·t + r: only the taps
 * with u·d ≡ r (mod s) count, and they read dy at t − ⌊u·d/s⌋. So each residue (rh, rw) of the two axes is
 * a convolution of dy with stride 1. Its results are written to dx at a stride of s, and no inserted zero
 * is multiplied.
 *
 *   s = 2, p = 1, three taps:   position   0 1 2 3 4 5
 *                               residue    1 0 1 0 1 0
 *   residue 0, taps 0 and 2:    dx[1] = w0·dy[1] + w2·dy[0],   dx[3] = w0·dy[2] + w2·dy[1],   …
 *   residue 1, tap 1:           dx[0] = w1·dy[0],              dx[2] = w1·dy[1],              …
 */

/*
 * Residues are counted by their first position: along an axis of n positions they are the first
 * min(s, n) ones, and position i has r = (i + p) mod s. Residues that have no position are left out, so a
 * stride that is larger than the image costs nothing.
 */

/**
 * Residues along an axis that have a position.
 * @inline
 */
function residuesOf(n: i32, s: i32): i32 {
  return min(n, s);
}

/**
 * How many of the n positions 0 … n − 1 are ≡ first (mod s).
 * @inline
 */
function countOf(first: i32, n: i32, s: i32): i32 {
  return (n - 1 - first) / s + 1;
}

/**
 * The first line of dy that is read. It may be before or after the first line that dy has.
 * @inline
 */
function startOf(p: i32, kernel: i32, s: i32, d: i32): i32 {
  return p / s - ((kernel - 1) * d) / s;
}

/**
 * One past the last line of dy that the gradient of n positions reads.
 * @inline
 */
function endOf(n: i32, p: i32, s: i32): i32 {
  return (n - 1 + p) / s + 1;
}

/** Floats of dy as it is padded here. */
function gradientFloats(shape: ConvShape): f64 {
  const startH = startOf(shape.top, shape.kernelH, shape.strideH, shape.dilationH);
  const startW = startOf(shape.left, shape.kernelW, shape.strideW, shape.dilationW);
  const rows = endOf(shape.h, shape.top, shape.strideH) - startH;
  const columns = endOf(shape.w, shape.left, shape.strideW) - startW;
  return <f64>groupFilters(shape) * <f64>rows * <f64>columns;
}

/**
 * Describes dy as it is padded here: each line in one phase.
 * @inline
 */
function padGradient(padded: PaddedImage, shape: ConvShape): void {
  const startH = startOf(shape.top, shape.kernelH, shape.strideH, shape.dilationH);
  const startW = startOf(shape.left, shape.kernelW, shape.strideW, shape.dilationW);
  padded.channels = groupFilters(shape);
  padded.h = shape.outH;
  padded.w = shape.outW;
  padded.rows = endOf(shape.h, shape.top, shape.strideH) - startH;
  padded.columns = endOf(shape.w, shape.left, shape.strideW) - startW;
  padded.top = -startH;
  padded.left = -startW;
  padded.stride = 1;
  padded.line = padded.columns;
  padded.floats = padded.channels * padded.rows * padded.line;
}

/**
 * k: the number of taps of all residues.
 * @inline
 */
function gradientTaps(shape: ConvShape): i32 {
  return groupFilters(shape) * shape.kernelH * shape.kernelW;
}

/**
 * The longest line of a residue.
 * @inline
 */
function residueWidth(shape: ConvShape): i32 {
  return (shape.w - 1) / shape.strideW + 1;
}

/** Bytes of scratch of conv2dInputGradient. */
export function conv2dInputGradientScratch(shape: ConvShape): f64 {
  return productScratch(
    groupChannels(shape),
    gradientTaps(shape),
    shape.channels,
    shape.h * shape.w,
    residueWidth(shape),
    residuesOf(shape.h, shape.strideH) * residuesOf(shape.w, shape.strideW),
    gradientFloats(shape),
  );
}

/**
 * dx[i, c, ih, iw] = Σ_{o, u, v} weight[o, c, u, v] · dy[i, o, oh, ow]
 *
 * over the positions (oh, ow) that read x[i, c, ih, iw] through tap (u, v). For images [from, to).
 */
export function conv2dInputGradient(
  dx: usize, // [n, channels, h, w] f32, overwritten
  dy: usize, // [n, outChannels, outH, outW] f32
  weight: usize, // [outChannels, channels/groups, kernelH, kernelW] f32
  shape: ConvShape,
  from: i32,
  to: i32,
  scratch: usize, // conv2dInputGradientScratch
): void {
  const channels = shape.channels;
  const outChannels = shape.outChannels;
  const m = groupChannels(shape);
  const depth = groupFilters(shape);
  const taps = shape.kernelH * shape.kernelW;
  const plane = shape.h * shape.w;
  const groups = shape.groups;
  const residues = residuesOf(shape.h, shape.strideH) * residuesOf(shape.w, shape.strideW);
  const dyPlane = (<usize>(shape.outH * shape.outW)) << 2;

  const product = changetype<LineProduct>(scratch);
  const padded = paddedOf(product);
  padGradient(padded, shape);
  product.m = m;
  product.rowBytes = (<usize>plane) << 2;
  const weightAt = layOutProduct(
    product,
    depth * taps,
    channels,
    plane,
    residueWidth(shape),
    residues,
    padded.floats,
  );
  const together = product.images;
  const packedA = product.a;
  const bases = product.bases;
  const places = product.places;
  const offsets = product.taps;

  // For one residue after another: the tables of its taps, and its packed weight.
  let a = packedA;
  let t = 0;
  for (let r = 0; r < residues; r++) {
    const count = writeResidueTaps(at(offsets, t), at(weightAt, t), shape, padded, r);
    for (let g = 0; g < groups; g++) {
      const group = at(weight, g * depth * m * taps);
      packWeight(a, group, (<usize>taps) << 2, at(weightAt, t), m, count);
      a = at(a, m * count);
    }
    t += count;
  }

  for (let i = from; i < to; i += together) {
    const images = min(together, to - i);
    if (i == from || images < together) {
      product.images = images;
      let entry = 0;
      for (let r = 0; r < residues; r++) {
        selectResidue(product, shape, r);
        product.bases = at(bases, entry);
        product.places = at(places, entry);
        writeResiduePositions(product, shape, r);
        entry += tableLength(images * product.lines * product.width);
      }
    }
    for (let g = 0; g < groups; g++) {
      const image = dy + <usize>(i * outChannels + g * depth) * dyPlane;
      fillPadded(product.source, image, <usize>outChannels * dyPlane, images, padded);
      product.c = dx + <usize>(i * channels + g * m) * product.rowBytes;
      let skipped = 0;
      let entry = 0;
      for (let r = 0; r < residues; r++) {
        selectResidue(product, shape, r);
        const count = product.kernelRows * product.rowTaps;
        const positions = images * product.lines * product.width;
        product.a = at(packedA, skipped * channels + g * m * count);
        product.taps = at(offsets, skipped);
        product.bases = at(bases, entry);
        product.places = at(places, entry);
        if (count == 0) clearPositions(product, positions);
        else multiplyLines(product);
        skipped += count;
        entry += tableLength(positions);
      }
    }
  }
}

/**
 * The row of the first position of the r-th residue. Residues go column by column, then row by row.
 * @inline
 */
function rowOf(shape: ConvShape, r: i32): i32 {
  return r / residuesOf(shape.w, shape.strideW);
}

/**
 * The column of the first position of the r-th residue.
 * @inline
 */
function columnOf(shape: ConvShape, r: i32): i32 {
  return r % residuesOf(shape.w, shape.strideW);
}

/** Sets the sizes of the product for the r-th residue. */
function selectResidue(product: LineProduct, shape: ConvShape, r: i32): void {
  const kernelH = shape.kernelH;
  const strideH = shape.strideH;
  const strideW = shape.strideW;
  const dilationH = shape.dilationH;
  const first = rowOf(shape, r);
  const column = columnOf(shape, r);
  const rh = (first + shape.top) % strideH;
  const rw = (column + shape.left) % strideW;
  product.lines = countOf(first, shape.h, strideH);
  product.width = countOf(column, shape.w, strideW);
  product.kernelRows = tapsOf(rh, kernelH, strideH, dilationH);
  product.rowTaps = groupFilters(shape) * tapsOf(rw, shape.kernelW, strideW, shape.dilationW);
  product.first = firstRow(rh, first + shape.top, kernelH, strideH, dilationH);
  product.lineStep = 1;
  product.rowStep = tapStep(kernelH, strideH, dilationH);
  product.size = shape.outH;
}

/** Writes the offsets of the positions of the r-th residue in the padded image of dy, and in dx. */
function writeResiduePositions(product: LineProduct, shape: ConvShape, r: i32): void {
  const w = shape.w;
  const strideH = shape.strideH;
  const strideW = shape.strideW;
  const padded = paddedOf(product);
  const line = padded.line;
  const h0 = rowOf(shape, r);
  const w0 = columnOf(shape, r);
  const above = (h0 + shape.top) / strideH + padded.top;
  const base = above * line + (w0 + shape.left) / strideW + padded.left;
  writeRuns(product.bases, product, base, padded.floats, line, 1);
  const image = shape.channels * shape.h * w;
  writeRuns(product.places, product, h0 * w + w0, image, strideH * w, strideW);
}

/** How many taps u of an axis have u·d ≡ r (mod s). */
function tapsOf(r: i32, kernel: i32, s: i32, d: i32): i32 {
  let count = 0;
  for (let u = 0; u < kernel; u++) if ((u * d) % s == r) count++;
  return count;
}

/** The row of dy that the first tap u with u·d ≡ r (mod s) reads for position q − p of dx. */
function firstRow(r: i32, q: i32, kernel: i32, s: i32, d: i32): i32 {
  let u = 0;
  while (u < kernel && (u * d) % s != r) u++;
  return (q - u * d) / s;
}

/** Rows of dy from one tap of a residue to the next, if it has another: backwards. */
function tapStep(kernel: i32, s: i32, d: i32): i32 {
  let u = 1;
  while (u < kernel && (u * d) % s != 0) u++;
  return u < kernel ? (-u * d) / s : 0;
}

/**
 * Writes the offsets of the taps of the r-th residue in the padded image of dy (negative, because taps run
 * backwards) and of their weights. Returns the number of taps.
 */
function writeResidueTaps(
  taps: usize, // [count] i32, bytes
  weightAt: usize, // [count] i32, bytes
  shape: ConvShape,
  padded: PaddedImage,
  r: i32,
): i32 {
  const kernelH = shape.kernelH;
  const kernelW = shape.kernelW;
  const strideH = shape.strideH;
  const strideW = shape.strideW;
  const dilationH = shape.dilationH;
  const dilationW = shape.dilationW;
  const rh = (rowOf(shape, r) + shape.top) % strideH;
  const rw = (columnOf(shape, r) + shape.left) % strideW;
  const depth = padded.channels;
  const line = padded.line;
  const plane = padded.rows * line;
  const filter = groupChannels(shape) * kernelH * kernelW;
  let count = 0;
  for (let u = 0; u < kernelH; u++) {
    if ((u * dilationH) % strideH != rh) continue;
    for (let o = 0; o < depth; o++) {
      for (let v = 0; v < kernelW; v++) {
        if ((v * dilationW) % strideW != rw) continue;
        const back = ((u * dilationH) / strideH) * line + (v * dilationW) / strideW;
        store<i32>(at(taps, count), (o * plane - back) << 2);
        store<i32>(at(weightAt, count), (o * filter + u * kernelW + v) << 2);
        count++;
      }
    }
  }
  return count;
}

/** The gradient is zero at positions that no tap reads. */
function clearPositions(product: LineProduct, positions: i32): void {
  const places = product.places;
  let c = product.c;
  for (let i = 0; i < product.m; i++) {
    for (let q = 0; q < positions; q++) store<f32>(c + load<u32>(at(places, q)), 0);
    c += product.rowBytes;
  }
}
