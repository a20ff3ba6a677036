import { type Pointer, UnfoldShape } from '../../generated/kernels.ts';
import type { Use } from '../../graph/node.ts';
import { aligned, NULL, offset } from '../../memory/memory.ts';
import type { Struct } from '../../memory/struct.ts';
import { volume } from '../../runtime/volume.ts';
import type { Convolution, Convolving } from './convolution.ts';
import { type ConvGeometry, connectConvolution, type ImageShape } from './geometry.ts';

/** How a kernel moves along the depth. */
export interface DepthSteps {
  readonly depth: number;
  readonly outDepth: number;
  readonly kernel: number;
  readonly stride: number;
  readonly front: number;
  readonly dilation: number;
}

/** Floats of images that are handled together, unless `LEAST` have more. They stay in a cache of 4 MiB. */
const TOGETHER = 1 << 20;
/** Fewest images that are handled together, so that threads can share them. */
const LEAST = 8;

/** A table of images in scratch memory, [images, channels·kernel, plane], and the volumes that they are made of. */
class Unfolded {
  private readonly shape: Struct<UnfoldShape, 'UnfoldShape'>;
  /** Floats of an image. */
  readonly floats: number;

  constructor(
    use: Use,
    private readonly channels: number,
    plane: number,
    { depth, outDepth, kernel, stride, front, dilation }: DepthSteps,
  ) {
    const steps = { outDepth, kernel, stride, front, dilation };
    this.shape = use.struct(UnfoldShape, { channels, depth, plane, ...steps });
    this.floats = channels * kernel * plane;
  }

  unfold(images: Pointer, x: Pointer, first: number, last: number): void {
    volume().unfoldDepth(images, x, this.shape.ptr, first, last, 0, this.channels);
  }

  fold(x: Pointer, images: Pointer, first: number, last: number): void {
    volume().foldDepth(x, images, this.shape.ptr, first, last, 0, this.channels);
  }
}

/**
 * The convolution of volumes as a convolution of images: the slices that an output slice reads are the channels of
 * one image (assembly/conv3d/unfold.ts). Some images at a time are made in scratch memory, convolved there, and the
 * results, which have the images' order, are put into the volumes' order.
 */
export class Convolution3d implements Convolving {
  private readonly images: Unfolded;
  private readonly results: Unfolded;
  private readonly convolution: Convolution;
  /** How many images are handled together. */
  private readonly together: number;
  private readonly outDepth: number;

  /**
   * Reserves the scratch memory that the kernels need.
   *
   * @param n volumes
   * @param geometry of the kernel in the plane of a slice
   */
  constructor(
    use: Use,
    n: number,
    geometry: ConvGeometry,
    steps: DepthSteps,
    [channels, h, w]: ImageShape,
    [outChannels, outH, outW]: ImageShape,
  ) {
    const { outDepth } = steps;
    const copied = { depth: outDepth, outDepth, kernel: 1, stride: 1, front: 0, dilation: 1 };
    this.outDepth = outDepth;
    this.images = new Unfolded(use, channels, h * w, steps);
    this.results = new Unfolded(use, outChannels, outH * outW, copied);
    this.convolution = connectConvolution(
      use,
      geometry,
      [channels * steps.kernel, h, w],
      [outChannels, outH, outW],
    );
    const floats = this.images.floats + this.results.floats;
    this.together = Math.min(n * outDepth, Math.max(LEAST, Math.floor(TOGETHER / floats)));
    const [, inner] = this.tables(NULL);
    use.reserveScratch(inner + use.scratchBytes);
  }

  forward(
    y: Pointer,
    x: Pointer,
    weight: Pointer,
    bias: Pointer,
    relu: boolean,
    n: number,
    scratch: Pointer,
  ): void {
    const [results, inner] = this.tables(scratch);
    this.inPieces(n, (first, last) => {
      this.images.unfold(scratch, x, first, last);
      this.convolution.forward(results, scratch, weight, bias, relu, last - first, inner);
      this.results.fold(y, results, first, last);
    });
  }

  inputGradient(dx: Pointer, dy: Pointer, weight: Pointer, n: number, scratch: Pointer): void {
    const [results, inner] = this.tables(scratch);
    this.inPieces(n, (first, last) => {
      this.results.unfold(results, dy, first, last);
      this.convolution.inputGradient(scratch, results, weight, last - first, inner);
      this.images.fold(dx, scratch, first, last);
    });
  }

  weightGradient(dWeight: Pointer, dy: Pointer, x: Pointer, n: number, scratch: Pointer): void {
    const [results, inner] = this.tables(scratch);
    this.inPieces(n, (first, last) => {
      this.images.unfold(scratch, x, first, last);
      this.results.unfold(results, dy, first, last);
      this.convolution.weightGradient(dWeight, results, scratch, last - first, inner);
    });
  }

  /** The addresses of the results and of the kernels' own scratch; the images are at its start. */
  private tables(scratch: Pointer): [results: Pointer, inner: Pointer] {
    const { together, images, results } = this;
    const behind = (start: Pointer, floats: number) => offset(start, aligned(4 * floats) / 4);
    const first = behind(scratch, together * images.floats);
    return [first, behind(first, together * results.floats)];
  }

  /** Calls `run` for so many images at a time that all fit the tables. The shape alone says where pieces begin. */
  private inPieces(n: number, run: (first: number, last: number) => void): void {
    const images = n * this.outDepth;
    for (let first = 0; first < images; first += this.together) {
      run(first, Math.min(first + this.together, images));
    }
  }
}
