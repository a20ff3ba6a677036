import { addForward } from '../add';
import { tapsBefore, tapsWithin } from '../pool/shape';

/**
 * Volumes as images. A three-dimensional convolution at output depth z reads `kernel` slices of each channel. Side
 * by side, they are the channels of one image:
 *
 *   Σ_{c, t, u, v} weight[o, c, t, u, v] · x[c, z·s − p + t·d, …] = Σ_{k, u, v} weight[o, k, u, v] · image[z][k, …]
 *   with k = (c, t) and image[z][(c, t)] = x[c, z·s − p + t·d]
 *
 * The weight already has this order. So the kernels of conv2d/ compute a convolution of volumes and its gradients,
 * on images that are made and taken apart here.
 */
@unmanaged
export class UnfoldShape {
  channels: i32;
  /** Slices of a volume, and positions of a slice. */
  depth: i32;
  plane: i32;
  /** Images of a volume. */
  outDepth: i32;
  kernel: i32;
  stride: i32;
  /** Padding before the first slice. */
  front: i32;
  dilation: i32;
}

/**
 * images[z, c, t] = x[c, z·stride − front + t·dilation], and 0 outside the volume,
 *
 * for the images [first, last) of all volumes, which are counted one volume after another, and the channels
 * [from, to).
 */
export function unfoldDepth(
  images: usize, // [last − first, channels, kernel, plane] f32, overwritten
  x: usize, // [n, channels, depth, plane] f32
  shape: UnfoldShape,
  first: i32,
  last: i32,
  from: i32,
  to: i32,
): void {
  const channels = shape.channels;
  const depth = shape.depth;
  const kernel = shape.kernel;
  const dilation = shape.dilation;
  const slice = (<usize>shape.plane) << 2;
  for (let i = first; i < last; i++) {
    const start = (i % shape.outDepth) * shape.stride - shape.front;
    const before = min(tapsBefore(start, dilation), kernel);
    const within = max(before, tapsWithin(start, depth, kernel, dilation));
    const volume = (i / shape.outDepth) * channels;
    for (let c = from; c < to; c++) {
      let image = images + <usize>(((i - first) * channels + c) * kernel) * slice;
      const source = x + <usize>((volume + c) * depth) * slice;
      memory.fill(image, 0, <usize>before * slice);
      image += <usize>before * slice;
      if (dilation == 1) {
        // Slices that are neighbours in the volume are neighbours in the image.
        const bytes = <usize>(within - before) * slice;
        memory.copy(image, source + <usize>(start + before) * slice, bytes);
        image += bytes;
      } else {
        for (let t = before; t < within; t++) {
          memory.copy(image, source + <usize>(start + t * dilation) * slice, slice);
          image += slice;
        }
      }
      memory.fill(image, 0, <usize>(kernel - within) * slice);
    }
  }
}

/**
 * The transpose of unfoldDepth:
 *
 * x[c, d] = Σ_{z, t} images[z, c, t] over the z and t with z·stride − front + t·dilation = d,
 *
 * in the order of z. A call adds what the images [first, last) have; the call with a volume's first image sets it to
 * 0 before. For the channels [from, to).
 */
export function foldDepth(
  x: usize, // [n, channels, depth, plane] f32, overwritten from a volume's first image on
  images: usize, // [last − first, channels, kernel, plane] f32
  shape: UnfoldShape,
  first: i32,
  last: i32,
  from: i32,
  to: i32,
): void {
  const channels = shape.channels;
  const depth = shape.depth;
  const kernel = shape.kernel;
  const dilation = shape.dilation;
  const plane = shape.plane;
  const slice = (<usize>plane) << 2;
  const copied = kernel == 1 && depth == shape.outDepth && shape.front == 0; // each slice has one term
  for (let i = first; i < last; i++) {
    const z = i % shape.outDepth;
    const start = z * shape.stride - shape.front;
    const within = tapsWithin(start, depth, kernel, dilation);
    const volume = (i / shape.outDepth) * channels;
    for (let c = from; c < to; c++) {
      const image = images + <usize>(((i - first) * channels + c) * kernel) * slice;
      const target = x + <usize>((volume + c) * depth) * slice;
      if (copied) {
        memory.copy(target + <usize>z * slice, image, slice);
        continue;
      }
      if (z == 0) memory.fill(target, 0, <usize>depth * slice);
      for (let t = tapsBefore(start, dilation); t < within; t++) {
        const p = target + <usize>(start + t * dilation) * slice;
        addForward(p, p, image + <usize>t * slice, 0, 0, plane);
      }
    }
  }
}
