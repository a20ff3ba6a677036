/**
 * The export list of 3 × 3 convolutions by Winograd's method. In the package they are a module of their own, which
 * only bundles with convolutions have.
 */

export {
  winogradForward,
  winogradForwardScratch,
  winogradInputGradient,
  winogradInputGradientScratch,
} from './winograd/forward';
export { winogradWeightGradient, winogradWeightGradientScratch } from './winograd/weight-gradient';
