/**
 * The export list of kernels that many networks need, and many do not. In the package they are a module of their own,
 * smaller than extra.ts.
 */

export { softmaxBackward, softmaxForward } from './activation/softmax';
export { mseBackward, mseForward } from './loss/elementwise';
export { cosF64, powF64 } from './math64';
export { clampInPlace } from './optim/clip';
export { sgdMomentumStep, sgdStep } from './optim/sgd';
export { globalAvgPoolBackward, globalAvgPoolForward } from './pool/globalavgpool';
