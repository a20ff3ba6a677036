/**
 * The packed kernels, side by side and at the start of a bundle. gzip looks back 32 KiB, and the text of a
 * module fills most of that: in the middle of the JavaScript it would hide one half from the other (3 kB
 * more). A bundler leaves out a module that is not used.
 */
export { COMMON_WASM } from '../generated/common.ts';
export { CORE_WASM } from '../generated/core.ts';
export { EXTRA_WASM } from '../generated/extra.ts';
export { OPS_WASM } from '../generated/ops.ts';
export { SPATIAL_WASM } from '../generated/spatial.ts';
export { VOLUME_WASM } from '../generated/volume.ts';
