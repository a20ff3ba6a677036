/** evenkeel/state: reading and writing model files. This file only lists the public names. */
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
export { loadSafetensors, type Safetensors, saveSafetensors } from './safetensors.ts';
export { type ByteStream, readSafetensors, safetensorsChunks } from './stream.ts';
