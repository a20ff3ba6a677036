/** evenkeel/state: model files; the public names, and nothing else. */
export { loadSafetensors, type Safetensors, saveSafetensors } from './safetensors.ts';
