import { checkpoint } from './checkpoint.ts';
import { idx } from './idx.ts';
import { keras } from './keras.ts';
import { model } from './model.ts';
import { onnx } from './onnx.ts';
import type { FileReader } from './reader.ts';
import { safetensors, safetensorsStream } from './safetensors.ts';

/** Every reader of files. A new one is added here. */
export const readers: readonly FileReader[] = [
  safetensors,
  safetensorsStream,
  idx,
  checkpoint,
  model,
  keras,
  onnx,
];
