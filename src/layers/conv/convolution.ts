import { ConvShape, type Pointer } from '../../generated/kernels.ts';
import type { Use } from '../../graph/node.ts';
import { type Struct, withStruct } from '../../memory/struct.ts';
import { spatial } from '../../runtime/spatial.ts';
import { takesWinograd } from './winograd.ts';

/** What a layer asks of the convolution of a use. */
export type Convolving = Pick<Convolution, 'forward' | 'inputGradient' | 'weightGradient'>;

/**
 * The convolution of a use: its sizes in the form that kernels take, and which kernels compute it, those of the
 * direct sum or those of Winograd's method (assembly/winograd).
 */
export class Convolution {
  private readonly shape: Struct<ConvShape, 'ConvShape'>;
  private readonly transformed: boolean;
  /** The range of the weight gradient: taps of a filter, or with Winograd's method channels. */
  private readonly range: number;

  /** Reserves the scratch memory that the kernels need. */
  constructor(use: Use, shape: ConvShape) {
    const { channels, groups, kernelH, kernelW } = shape;
    const transformed = takesWinograd(shape);
    this.transformed = transformed;
    this.range = transformed ? channels : (channels / groups) * kernelH * kernelW;
    use.reserveScratch(withStruct(ConvShape, shape, transformed ? winogradScratch : directScratch));
    this.shape = use.struct(ConvShape, shape);
  }

  /** y from x, for n images. */
  forward(
    y: Pointer,
    x: Pointer,
    weight: Pointer,
    bias: Pointer,
    relu: boolean,
    n: number,
    scratch: Pointer,
  ): void {
    const kernel = this.transformed ? spatial().winogradForward : spatial().conv2dForward;
    kernel(y, x, weight, bias, this.shape.ptr, relu ? 1 : 0, 0, n, scratch);
  }

  /** dx from dy, for n images. */
  inputGradient(dx: Pointer, dy: Pointer, weight: Pointer, n: number, scratch: Pointer): void {
    const kernel = this.transformed
      ? spatial().winogradInputGradient
      : spatial().conv2dInputGradient;
    kernel(dx, dy, weight, this.shape.ptr, 0, n, scratch);
  }

  /** dWeight += its gradient, from dy and x. */
  weightGradient(dWeight: Pointer, dy: Pointer, x: Pointer, n: number, scratch: Pointer): void {
    const kernel = this.transformed
      ? spatial().winogradWeightGradient
      : spatial().conv2dWeightGradient;
    kernel(dWeight, dy, x, n, this.shape.ptr, 0, this.range, scratch);
  }
}

function directScratch(shape: Pointer<'ConvShape'>): number {
  const k = spatial();
  return Math.max(
    k.conv2dForwardScratch(shape),
    k.conv2dInputGradientScratch(shape),
    k.conv2dWeightGradientScratch(shape),
  );
}

function winogradScratch(shape: Pointer<'ConvShape'>): number {
  const k = spatial();
  return Math.max(
    k.winogradForwardScratch(shape),
    k.winogradInputGradientScratch(shape),
    k.winogradWeightGradientScratch(shape),
  );
}
