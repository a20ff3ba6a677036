/** A sentence or two on what a network is doing, with the figures that show it. */
import type { Report } from '../protocol.ts';
import type { Settings } from '../settings.ts';
import { short } from './numbers.ts';

/** How far running statistics may be behind: training minus test accuracy. */
const LAG = 0.15;
/** Of the way from chance to no mistake, what a network must have made to count as learning. */
const LEARNS = 0.3;

export function diagnosis(report: Report, settings: Settings): string {
  const { step, failed, layers, ailments, train, test } = report;
  if (failed) {
    return `Its loss is no number since step ${step}: the learning rate ${settings.lr} is too high for it.`;
  }
  if (step === 0) return 'It has not been trained yet: it guesses.';
  if (ailments.length > 0) return ailments[0]!;
  const chance = CHANCES[settings.data];
  const first = layers[0]!.gradientNorm;
  if (test.accuracy < chance + LEARNS * (1 - chance)) {
    return `It has hardly begun to learn after ${step} steps: the gradient at layer 1 is ${short(first)}.`;
  }
  if (train.accuracy - test.accuracy > LAG) {
    return `It trains at ${share(train.accuracy)} but tests at ${share(test.accuracy)}: its running statistics lag behind the weights, or it learns by heart.`;
  }
  const sds = layers.map(({ before }) => +before.sd.toPrecision(2));
  const [low, high] = [Math.min(...sds), Math.max(...sds)];
  const range = low === high ? short(low) : `${short(low)} to ${short(high)}`;
  const last = layers.at(-1)!.gradientNorm;
  return `It learns: all layers get a gradient (${short(first)} at the first, ${short(last)} at the last), and what goes into the activations has an sd of ${range}.`;
}

/** The accuracy of guessing. */
const CHANCES: Record<Settings['data'], number> = {
  fashion: 0.1,
  spiral: 1 / 3,
  gaussians: 1 / 3,
  circles: 0.5,
  xor: 0.5,
};

function share(part: number): string {
  return `${Math.round(100 * part)} %`;
}
