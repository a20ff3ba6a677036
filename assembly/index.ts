/** The export list: every kernel the host may call, one line an op. */

export {
  adaptiveAvgPoolBackward,
  adaptiveAvgPoolForward,
  avgPoolBackward,
  avgPoolForward,
  globalAvgPoolBackward,
  globalAvgPoolForward,
} from './avgpool';
export { addForward } from './add';
export { biasBackward, biasForward } from './bias';
export { maxPoolBackward, maxPoolForward } from './maxpool';
export {
  randomBits,
  randomNormal,
  randomTruncatedNormal,
  randomUniform,
  shuffle,
} from './random';
export {
  upsampleBilinearBackward,
  upsampleBilinearForward,
  upsampleNearestBackward,
  upsampleNearestForward,
} from './upsample';
export { copyRows } from './copy';
