/**
 * The export list of convolutions, directly and by Winograd's method, and max pooling. In the package they are a module
 * of their own, which only bundles with these layers have.
 */

export { conv2dForward, conv2dForwardScratch } from './conv2d/forward';
export { conv2dInputGradient, conv2dInputGradientScratch } from './conv2d/input-gradient';
export { conv2dWeightGradient, conv2dWeightGradientScratch } from './conv2d/weight-gradient';
export { maxPoolBackward, maxPoolForward } from './pool/maxpool';
export {
  winogradForward,
  winogradForwardScratch,
  winogradInputGradient,
  winogradInputGradientScratch,
} from './winograd/forward';
export { winogradWeightGradient, winogradWeightGradientScratch } from './winograd/weight-gradient';
