// Made by scripts/generate.ts from the compiled kernels. Do not edit.

/** A byte address in linear memory; 0 means "absent". */
export type Pointer = number & { readonly __pointer: unique symbol };

export interface Kernels {
  adaptiveAvgPoolBackward(dx: Pointer, dy: Pointer, height: number, width: number, outHeight: number, outWidth: number, from: number, to: number): void;
  adaptiveAvgPoolForward(y: Pointer, x: Pointer, height: number, width: number, outHeight: number, outWidth: number, from: number, to: number): void;
  avgPoolBackward(dx: Pointer, dy: Pointer, height: number, width: number, outHeight: number, outWidth: number, kernelHeight: number, kernelWidth: number, strideHeight: number, strideWidth: number, padHeight: number, padWidth: number, countIncludePad: number, from: number, to: number, scratch: Pointer): void;
  avgPoolForward(y: Pointer, x: Pointer, height: number, width: number, outHeight: number, outWidth: number, kernelHeight: number, kernelWidth: number, strideHeight: number, strideWidth: number, padHeight: number, padWidth: number, countIncludePad: number, from: number, to: number): void;
  globalAvgPoolBackward(dx: Pointer, dy: Pointer, size: number, from: number, to: number): void;
  globalAvgPoolForward(y: Pointer, x: Pointer, size: number, from: number, to: number): void;
  addForward(y: Pointer, a: Pointer, b: Pointer, from: number, to: number): void;
  biasBackward(db: Pointer, dy: Pointer, rows: number, n: number, from: number, to: number): void;
  biasForward(y: Pointer, b: Pointer, n: number, from: number, to: number): void;
  maxPoolBackward(dx: Pointer, index: Pointer, dy: Pointer, height: number, width: number, outHeight: number, outWidth: number, kernelHeight: number, kernelWidth: number, strideHeight: number, strideWidth: number, padHeight: number, padWidth: number, dilationHeight: number, dilationWidth: number, from: number, to: number): void;
  maxPoolForward(y: Pointer, index: Pointer, x: Pointer, height: number, width: number, outHeight: number, outWidth: number, kernelHeight: number, kernelWidth: number, strideHeight: number, strideWidth: number, padHeight: number, padWidth: number, dilationHeight: number, dilationWidth: number, from: number, to: number): void;
  randomBits(y: Pointer, seed: number, counter: number, from: number, to: number, scratch: Pointer): void;
  randomNormal(y: Pointer, mean: number, sd: number, seed: number, counter: number, from: number, to: number, scratch: Pointer): void;
  randomTruncatedNormal(y: Pointer, mean: number, sd: number, seed: number, counter: number, from: number, to: number, scratch: Pointer): void;
  randomUniform(y: Pointer, low: number, high: number, seed: number, counter: number, from: number, to: number, scratch: Pointer): void;
  shuffle(order: Pointer, seed: number, counter: number, n: number, scratch: Pointer): void;
  upsampleBilinearBackward(dx: Pointer, dy: Pointer, height: number, width: number, outHeight: number, outWidth: number, scaleHeight: number, scaleWidth: number, alignCorners: number, from: number, to: number, scratch: Pointer): void;
  upsampleBilinearForward(y: Pointer, x: Pointer, height: number, width: number, outHeight: number, outWidth: number, scaleHeight: number, scaleWidth: number, alignCorners: number, from: number, to: number, scratch: Pointer): void;
  upsampleNearestBackward(dx: Pointer, dy: Pointer, height: number, width: number, outHeight: number, outWidth: number, scaleHeight: number, scaleWidth: number, from: number, to: number, scratch: Pointer): void;
  upsampleNearestForward(y: Pointer, x: Pointer, height: number, width: number, outHeight: number, outWidth: number, scaleHeight: number, scaleWidth: number, from: number, to: number, scratch: Pointer): void;
  copyRows(y: Pointer, x: Pointer, rows: number, width: number, yStride: number, xStride: number): void;
}
