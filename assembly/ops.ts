/**
 * The export list of the kernels of operations on tensors. In the package they are a module of their own, which a
 * bundle contains only if it uses such an operation, or a layer that is made of them.
 */

export { addBroadcast, mulBroadcast } from './ops/broadcast';
export { sumProducts } from './ops/reduce';
export { copyStrided, fillWith } from './ops/strided';
