/** evenkeel/data: files, batches and images; the public names, and nothing else. */
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
