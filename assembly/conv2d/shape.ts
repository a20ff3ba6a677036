import { NR } from '../gemm/microkernel';

/**
 * The sizes of a two-dimensional convolution, NCHW, which all kernels of this folder take. The host writes
 * the struct once, when it makes a plan.
 *
 * A convolution is a matrix product C = A·B for each group: A is the weight, [m, k]; B, [k, positions], is
 * the column matrix of im2col, which is never written; C is the result, [m, positions]. The files:
 *
 *   padded            a copy of an image with its zero padding
 *   pack              panels of B, packed straight from padded images (implicit GEMM), and tiles of A
 *   lines, product    C = A·B line by line, without the kernel rows that read nothing but padding
 *   depthwise         the same for m = 1, without packing
 *   forward           y from x: the product with the weight
 *   input-gradient    dx from dy: the product with the transposed weight, for each residue of the stride
 *   weight-gradient   dWeight from dy and x: a sum over positions
 *
 * Forward and the two gradients are in three files because they are three different products. The files
 * listed above them have what they share.
 *
 * Scratch is computed in float64, because its products may exceed 32 bits; the host refuses more than linear
 * memory has. Every tensor and all scratch together have fewer than 2³⁰ floats, and so have a padded input's
 * h·w and each size here. So the kernels' own products of sizes, which are parts of one of these, fit i32.
 */
@unmanaged
export class ConvShape {
  /** Of x. */
  channels: i32;
  h: i32;
  w: i32;
  /** Of y. */
  outChannels: i32;
  outH: i32;
  outW: i32;
  kernelH: i32;
  kernelW: i32;
  strideH: i32;
  strideW: i32;
  /** Padding above and to the left. What is below and to the right follows from outH and outW. */
  top: i32;
  left: i32;
  dilationH: i32;
  dilationW: i32;
  groups: i32;
}

/**
 * Input channels of a group.
 * @inline
 */
export function groupChannels(shape: ConvShape): i32 {
  return shape.channels / shape.groups;
}

/**
 * Filters of a group, which are its output channels.
 * @inline
 */
export function groupFilters(shape: ConvShape): i32 {
  return shape.outChannels / shape.groups;
}

/**
 * Weights of a filter, one for each tap: k of the forward pass.
 * @inline
 */
export function filterTaps(shape: ConvShape): i32 {
  return groupChannels(shape) * shape.kernelH * shape.kernelW;
}

/**
 * Output positions of an image.
 * @inline
 */
export function outPlane(shape: ConvShape): i32 {
  return shape.outH * shape.outW;
}

/** Positions whose panels of B are packed together: [KC, POSITIONS] takes 256 KiB. */
export const POSITIONS: i32 = 256;

/** Floats of padded images that are handled together, unless one image has more: a megabyte. */
export const PADDED_FLOATS: i32 = 1 << 18;

/**
 * `count` rounded up to whole panels of 8.
 * @inline
 */
export function wholePanels(count: i32): i32 {
  return (count + NR - 1) & -NR;
}
