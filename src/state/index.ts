/** evenkeel/state: reading and writing model files. This file only lists the public names. */

export { type FromJSONOptions, fromJSON } from '../describe/fromjson.ts';
export type { Json, JsonObject, ModelDescription } from '../describe/json.ts';
export { type RegisterOptions, register } from '../describe/registry.ts';
export { type ToJSONOptions, toJSON } from '../describe/tojson.ts';
export { type ToPyTorchOptions, toPyTorch } from '../pytorch/topytorch.ts';
export { averageStates } from './average.ts';
export {
  type Extra,
  type LoadedCheckpoint,
  loadCheckpoint,
  type Parts,
  type SavedParts,
  saveCheckpoint,
} from './checkpoint/checkpoint.ts';
export type { Part } from './checkpoint/parts.ts';
export {
  CheckpointStore,
  type CheckpointStoreOptions,
  checkpointStore,
} from './checkpoint/store.ts';
export type { SafetensorsOptions } from './encode.ts';
export { loadModel, type SaveModelOptions, saveModel } from './model.ts';
export { loadSafetensors, type Safetensors, saveSafetensors } from './safetensors.ts';
export { type ByteStream, readSafetensors, safetensorsChunks } from './stream.ts';
