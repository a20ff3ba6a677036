/** evenkeel/data: files, batches, images and scalers. This file only lists the public names. */
export { type Augmentation, type AugmentOptions, augment, type Extent } from './augment.ts';
export {
  type Batch,
  Batches,
  type BatchesOptions,
  type BatchTargets,
  batches,
  type ClassTargets,
  type Dataset,
  type Values,
  type ValueTargets,
} from './batches.ts';
export { type ByteSource, type IdxArray, type IdxData, readIdx } from './idx.ts';
export { type FromImageDataOptions, fromImageData, type ImageLike } from './image.ts';
export { MinMaxScaler, type MinMaxScalerOptions } from './minmaxscaler.ts';
export { type Affine, Scaler, type ScalerOptions, type ScalerState } from './scaler.ts';
export { randomSplit, type SplitOptions } from './split.ts';
export { StandardScaler, type StandardScalerOptions } from './standardscaler.ts';
