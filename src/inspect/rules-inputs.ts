import type { Diagnosis } from './diagnosis.ts';
import { percent, say } from './figures.ts';
import type { WatchedInput, WatchReport } from './report.ts';

/** Inputs whose mean or standard deviation is larger than this are not scaled. */
const SCALE = 10;

/** Features whose standard deviations differ by more than this make the loss a narrow valley. */
const SPREAD = 100;

/** The rules about inputs, outputs and the loss. */
export function inputRules(report: WatchReport): Diagnosis[] {
  return [
    ...notFinite(report),
    ...(report.first?.inputs ?? []).flatMap(unscaled),
    ...softmax(report),
  ];
}

function notFinite({ last, history, loss }: WatchReport): Diagnosis[] {
  if (!last) return [];
  const input = last.inputs.find((one) => one.notFinite > 0);
  const layer = last.layers.find(({ output }) => output.notFinite > 0);
  const [where, seen] = input ? ['inputs', input] : [layer?.name ?? '', layer?.output];
  if (seen) {
    const { notFinite: count, size } = seen;
    return [
      {
        ...{
          what: 'not-finite',
          where,
          severity: 'error',
          figures: { step: last.step, count, size },
        },
        sentence: `In step ${last.step}, ${percent(count / size)} of the ${
          input ? 'input values' : `outputs of ${where}`
        } are NaN or infinite. A loss and an accuracy computed from them mean nothing.`,
        advice: input
          ? 'Remove them from the data: evenkeel/data has scalers, and a missing value needs a number of its own.'
          : 'Train anew with a lower learning rate or clipped gradients; detectAnomaly(model) names the first ' +
            'place and step.',
      },
    ];
  }
  const at = history.loss.findIndex((value, i) => i > 0 && !Number.isFinite(value));
  if (loss === '' || at < 0) return [];
  const step = history.steps[at]!;
  return [
    {
      ...{ what: 'not-finite', where: 'loss', severity: 'error', figures: { step } },
      sentence: `The loss is ${history.loss[at]} at step ${step}; at step ${history.steps[at - 1]} it was ${say(
        history.loss[at - 1]!,
      )}.`,
      advice:
        'Train anew with a lower learning rate or clipped gradients; detectAnomaly(model) names the first place.',
    },
  ];
}

function unscaled(input: WatchedInput): Diagnosis[] {
  const { mean, sd, min, max, bytes, normalized, shape } = input;
  const [least, most] = input.featureSds;
  if (normalized) return [];
  if (bytes && max > 2 * SCALE) {
    return [
      {
        ...{ what: 'inputs-not-scaled', where: 'inputs', severity: 'warning' },
        figures: { mean, sd, max },
        sentence: `The inputs are whole numbers from ${min} to ${max} with a mean of ${say(mean)}, as bytes are.`,
        advice: 'Divide them by 255, or put a batch norm or a Normalization first.',
      },
    ];
  }
  if (Math.abs(mean) > SCALE || sd > SCALE) {
    return [
      {
        ...{
          what: 'inputs-not-scaled',
          where: 'inputs',
          severity: 'warning',
          figures: { mean, sd },
        },
        sentence: `The inputs have a mean of ${say(mean)} and a standard deviation of ${say(sd)}; networks are made for about 0 and 1.`,
        advice:
          'Fit a StandardScaler of evenkeel/data to the training data, or put a batch norm first.',
      },
    ];
  }
  if (shape.length === 2 && most > SPREAD * least) {
    return [
      {
        ...{
          what: 'inputs-not-scaled',
          where: 'inputs',
          severity: 'warning',
          figures: { least, most },
        },
        sentence: `The standard deviations of the features go from ${say(least)} to ${say(most)}, so one learning rate fits few of them.`,
        advice:
          'Fit a StandardScaler of evenkeel/data to the training data, or put a batch norm first.',
      },
    ];
  }
  return [];
}

function softmax({ last, loss }: WatchReport): Diagnosis[] {
  if (!last || (loss !== '' && loss !== 'CrossEntropyLoss')) return [];
  const { sums, min, softmax: layer } = last.output;
  const probable = sums[0] > 0.999 && sums[1] < 1.001 && min >= 0;
  if (!layer && !(probable && loss !== '')) return [];
  const known = loss !== '';
  return [
    {
      ...{ what: 'softmax-before-cross-entropy', where: 'output' },
      severity: known ? 'error' : 'hint',
      figures: { least: sums[0], most: sums[1] },
      sentence: `The model's outputs are probabilities: those of each sample add up to 1. CrossEntropyLoss applies a softmax itself, so that there would be two, and small gradients.`,
      advice: `Remove the last Softmax${known ? '' : ' if the loss is CrossEntropyLoss'}, and use it on what predict returns.`,
    },
  ];
}
