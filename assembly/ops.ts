/**
 * The export list of the kernels of operations on tensors. In the package they are a module of their own, which a
 * bundle contains only if it uses such an operation, or a layer that is made of them.
 */

export {
  addBroadcast,
  divBroadcast,
  gateBroadcast,
  maximumBroadcast,
  maximumShare,
  minimumBroadcast,
  minimumShare,
  mulBroadcast,
  negativeProduct,
  sameBroadcast,
  subBroadcast,
} from './ops/binary';
export { gatherRows, scatterRows } from './ops/gather';
export { maxOver } from './ops/maximum';
export { sumProducts, sumProductsScratch } from './ops/reduce';
export { copyStrided, fillWith } from './ops/strided';
export {
  absBackward,
  absForward,
  below,
  clampBackward,
  expBackward,
  logBackward,
  rsqrtBackward,
  rsqrtForward,
  scaled,
  sqrtBackward,
  sqrtForward,
  squareBackward,
  squareForward,
} from './ops/unary';
export { whereBroadcast } from './ops/where';
