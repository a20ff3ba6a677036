/** The export list: every kernel the host may call, one line an op. */
export { biasBackward, biasForward } from './bias';
