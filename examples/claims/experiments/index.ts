/** All experiments, in order. */
import type { Experiment } from '../experiment.ts';
import { speed } from './a-speed.ts';
import { convolution } from './b-convolution.ts';
import { learningRate } from './c-learningrate.ts';
import { initialWeights } from './d-initialweights.ts';
import { lossSurface } from './e-losssurface.ts';
import { batchSize } from './f-batchsize.ts';
import { placement } from './g-placement.ts';
import { regularization } from './h-regularization.ts';
import { activations } from './i-activations.ts';
import { depth } from './j-depth.ts';
import { inference } from './k-inference.ts';
import { inputs } from './l-inputs.ts';

export const EXPERIMENTS: readonly Experiment[] = [
  speed,
  convolution,
  learningRate,
  initialWeights,
  lossSurface,
  batchSize,
  placement,
  regularization,
  activations,
  depth,
  inference,
  inputs,
];
