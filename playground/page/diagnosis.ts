/** One sentence on what a network is doing, with the figure that shows it. */
import { short } from '../charts/chart.ts';
import type { Report } from '../protocol.ts';
import type { Settings } from '../settings.ts';

/** A gradient that shrinks or grows by more than this from the last layer to the first. */
const UNEVEN = 30;
const STUCK = 0.5;
/** How far running statistics may be behind: training minus test accuracy. */
const LAG = 0.15;

export function diagnosis(report: Report, settings: Settings, norm: Settings['a']): string {
  const { step, failed, layers, train, test } = report;
  const chance =
    settings.data === 'fashion'
      ? 0.1
      : settings.data === 'spiral' || settings.data === 'gaussians'
        ? 1 / 3
        : 0.5;
  if (failed) {
    return `Its loss is no longer a number since step ${step}: the learning rate ${settings.lr} is too high for it.`;
  }
  if (step === 0) return 'It has not been trained yet: it guesses.';
  const guesses = test.accuracy < chance + 0.6 * (1 - chance) * 0.5;
  const first = layers[0]!.gradientNorm;
  const last = layers.at(-1)!.gradientNorm;
  const number = layers.length;
  if (last / first > UNEVEN && guesses) {
    return `The gradient vanishes: at layer 1 it is ${times(last / first)} smaller than at layer ${number}, so the first layers hardly change.`;
  }
  if (first / last > UNEVEN && guesses) {
    return `The gradient explodes: at layer 1 it is ${times(first / last)} larger than at layer ${number}.`;
  }
  const worst = layers.reduce((most, { stuck }, i) => (stuck > layers[most]!.stuck ? i : most), 0);
  const { stuck } = layers[worst]!;
  const limit = settings.activation === 'relu' ? 0.9 : STUCK;
  if (stuck > limit && guesses) {
    const what = settings.activation === 'relu' ? 'zero' : 'at the flat ends of the activation';
    return `Units are stuck: in layer ${worst + 1}, ${share(stuck)} of the outputs are ${what}, where no gradient passes.`;
  }
  const batchwise = norm === 'batch' || norm === 'ghost' || norm === 'renorm';
  if (batchwise && Number(settings.batch) <= 4) {
    return `Batches of ${settings.batch} are too small for it: a mean and a variance of so few samples are mostly noise.`;
  }
  if (batchwise && train.accuracy - test.accuracy > LAG && step > 20) {
    return `It trains at ${share(train.accuracy)} but tests at ${share(test.accuracy)}: its running statistics lag behind the weights, or it learns by heart.`;
  }
  if (guesses && step > 20) {
    return `It has hardly begun to learn after ${step} steps: the gradient at layer 1 is ${short(first)}.`;
  }
  const sds = layers.map(({ before }) => before.sd);
  const [low, high] = [Math.min(...sds), Math.max(...sds)];
  return `It learns. The inputs of its activations have an sd from ${short(+low.toPrecision(2))} to ${short(+high.toPrecision(2))}, and the gradient at layer 1 is ${ratio(first / last)} that at layer ${number}.`;
}

function times(factor: number): string {
  const digits = factor >= 1000 ? 1 : 2;
  return Number.isFinite(factor)
    ? `${Number(factor.toPrecision(digits)).toLocaleString('en')} times`
    : 'infinitely';
}

function ratio(factor: number): string {
  return factor >= 0.8 && factor <= 1.25
    ? 'about'
    : factor > 1
      ? `${times(factor)}`
      : `1/${Number((1 / factor).toPrecision(2))} of`;
}

function share(part: number): string {
  return `${Math.round(100 * part)} %`;
}
