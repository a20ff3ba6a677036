/** evenkeel/state: reading and writing model files. This file only lists the public names. */
export { loadSafetensors, type Safetensors, saveSafetensors } from './safetensors.ts';
