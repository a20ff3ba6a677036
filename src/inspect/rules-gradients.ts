import type { Diagnosis } from './diagnosis.ts';
import { percent, recent, say, seriesOf, weightedLayers } from './figures.ts';
import type { WatchReport } from './report.ts';

/** By how much the gradient's norm may change from the last weighted layer to the first. */
const CHANGE = 1000;

/** The share of its norm by which a step may change a weight; about 0.001 is usual. */
const UPDATE = 0.1;

/** How much larger the loss may be in the last third than in the first. */
const RISE = 1.5;

/** The rules about gradients and updates. */
export function gradientRules(report: WatchReport): Diagnosis[] {
  return [...depth(report), ...infinite(report), ...updates(report), ...rising(report)];
}

/** Gradients that vanish or explode on their way from the last layer to the first. */
function depth(report: WatchReport): Diagnosis[] {
  const layers = weightedLayers(report).filter(({ gradient }) => gradient);
  const [first, last] = [layers[0], layers.at(-1)];
  if (!first || !last || layers.length < 3) return [];
  const [here, there] = [first.gradient!.norm, last.gradient!.norm];
  if (!(there > 0)) return [];
  const figures = { first: here, last: there, layers: layers.length };
  const way = `from ${last.name} to ${first.name}, ${layers.length - 1} layers before it: the norm is ${say(there)} there and ${say(here)} here`;
  if (here * CHANGE < there) {
    const fold = here > 0 ? `${say(there / here)} times smaller` : '0';
    return [
      {
        ...{ what: 'vanishing-gradients', where: first.name, severity: 'warning', figures },
        sentence: `The gradient becomes ${fold} on its way ${way}. The first layers hardly learn.`,
        advice:
          'Put a batch norm after each of these layers, replace sigmoids by ReLU, add residual connections, or ' +
          "initialize with { init: 'he' } for ReLU or 'xavier' for sigmoids.",
      },
    ];
  }
  if (here > there * CHANGE) {
    return [
      {
        ...{ what: 'exploding-gradients', where: first.name, severity: 'warning', figures },
        sentence: `The gradient becomes ${say(here / there)} times larger on its way ${way}.`,
        advice:
          'Put a batch norm after each of these layers, start from smaller weights, or clip with clipGradNorm.',
      },
    ];
  }
  return [];
}

function infinite({ last }: WatchReport): Diagnosis[] {
  for (const { output, parameters, gradient } of last?.layers ?? []) {
    if (output.notFinite > 0 || !gradient) continue;
    const bad = parameters.find(
      ({ gradientNorm }) => gradientNorm === Number.POSITIVE_INFINITY || Number.isNaN(gradientNorm),
    );
    if (!bad) continue;
    return [
      {
        ...{ what: 'exploding-gradients', where: bad.name, severity: 'error' },
        figures: { gradientNorm: bad.gradientNorm },
        sentence: `The gradient of ${bad.name} has numbers that are not finite, although the layer's outputs are.`,
        advice:
          'Lower the learning rate or clip with clipGradNorm; detectAnomaly(model) names the first place.',
      },
    ];
  }
  return [];
}

/** Steps that move weights too far. Those of norms start at 0 or 1 and do not count. */
function updates(report: WatchReport): Diagnosis[] {
  let worst = { name: '', ratio: UPDATE };
  for (const { name } of weightedLayers(report)) {
    const series = seriesOf(report, name);
    const ratios = series?.updateNorm.map((update, i) => update / series.weightNorm[i]!) ?? [];
    const ratio = recent(ratios);
    if (ratio > worst.ratio) worst = { name, ratio };
  }
  const { name, ratio } = worst;
  if (!name) return [];
  const lr = report.last!.lr;
  const rate = Number.isNaN(lr) ? '' : `, which is ${say(lr)} now`;
  return [
    {
      ...{ what: 'learning-rate-too-high', where: name, severity: 'warning' },
      figures: { updateRatio: ratio, lr },
      sentence: `A step changes the weights of ${name} by ${percent(ratio)} of their norm; a tenth of a percent is usual, and more than ${percent(UPDATE)} undoes what was learned.`,
      advice: `Lower the learning rate${rate}: to about a tenth.`,
    },
  ];
}

function rising({ history: { loss, steps }, last }: WatchReport): Diagnosis[] {
  const third = Math.floor(loss.length / 3);
  if (third < 2) return [];
  const mean = (part: readonly number[]) =>
    part.reduce((sum, value) => sum + value, 0) / part.length;
  const before = mean(loss.slice(0, third));
  const after = mean(loss.slice(-third));
  if (!(after > RISE * before && before > 0)) return [];
  const rate = Number.isNaN(last!.lr) ? '' : `, which is ${say(last!.lr)} now`;
  return [
    {
      ...{ what: 'learning-rate-too-high', where: 'loss', severity: 'error' },
      figures: { before, after, lr: last!.lr },
      sentence: `The loss rises: it was ${say(before)} up to step ${steps[third - 1]} and is ${say(after)} since step ${steps[loss.length - third]}.`,
      advice: `Lower the learning rate${rate}: to about a tenth.`,
    },
  ];
}
