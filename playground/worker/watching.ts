/**
 * What the layers of a network do in one training step. All knowledge of evenkeel/inspect is in this file.
 */
import { BatchNorm1d, type Module, type Parameter } from 'evenkeel';
import { type Observed, observe } from 'evenkeel/inspect';
import { type Distribution, type LayerReport, PERCENTILES, type Statistics } from '../protocol.ts';
import type { Settings } from '../settings.ts';

const BINS = 40;
/** Percentiles are those of about this many values, taken evenly. */
const SAMPLED = 2000;

/** Runs `step`, which trains `model` once, and tells what the hidden layers did in it. */
export function watchStep(model: Module, settings: Settings, step: () => void): LayerReport[] {
  const before = new Map<string, Distribution>();
  const after = new Map<string, Distribution>();
  const stuck = new Map<string, number>();
  const statistics = new Map<string, Pick<Statistics, 'batchMean' | 'batchSd'>>();
  let previous: Observed['values'] = new Float32Array();
  // Not `using`: browsers may lack Symbol.dispose.
  const observation = observe(
    model,
    (seen) => {
      if (seen.kind !== 'output') return;
      const { name, values, shape } = seen;
      if (name.startsWith('act')) {
        before.set(name.slice(3), distribution(previous));
        after.set(name.slice(3), distribution(values));
        stuck.set(name.slice(3), stuckShare(values, settings.activation));
      } else if (name.startsWith('norm') && seen.layer instanceof BatchNorm1d) {
        statistics.set(name.slice(4), batchStatistics(previous, shape[1]!));
      }
      previous = values;
    },
    { layers: (name) => /^(linear|norm|act)\d/.test(name) },
  );
  try {
    step();
  } finally {
    observation.stop();
  }
  const modules = new Map(model.namedModules() as [string, Module][]);
  return Array.from({ length: Number(settings.depth) }, (_, i) => {
    const number = String(i + 1);
    const { weight } = modules.get(`linear${number}`) as Module & { weight: Parameter };
    const norm = modules.get(`norm${number}`) as
      | (Module & { weight: Parameter; bias: Parameter })
      | undefined;
    const ofBatch = statistics.get(number);
    return {
      before: before.get(number)!,
      after: after.get(number)!,
      stuck: stuck.get(number)!,
      weightNorm: l2(weight.data.toArray()),
      gradientNorm: l2(weight.grad!.toArray()),
      ...(norm && {
        affine: { gamma: norm.weight.data.toArray(), beta: norm.bias.data.toArray() },
      }),
      ...(ofBatch && { statistics: { ...ofBatch, ...running(norm as unknown as BatchNorm1d) } }),
    };
  });
}

export function distribution(values: Float32Array): Distribution {
  const stride = Math.max(1, Math.floor(values.length / SAMPLED));
  const sorted = new Float32Array(Math.ceil(values.length / stride));
  for (let i = 0; i < sorted.length; i++) sorted[i] = values[i * stride]!;
  sorted.sort();
  const percentiles = PERCENTILES.map(
    (percent) => sorted[Math.round((percent / 100) * (sorted.length - 1))]!,
  );
  const { mean, sd } = moments(values);
  const low = sorted[0]!;
  const high = sorted[sorted.length - 1]!;
  const counts = new Float32Array(BINS);
  const perBin = BINS / (high - low || 1);
  for (const value of sorted) {
    const bin = Math.min(BINS - 1, Math.floor((value - low) * perBin));
    counts[bin] = counts[bin]! + 1 / sorted.length;
  }
  return { percentiles, mean, sd, histogram: { low, high, counts } };
}

/** The share of outputs where the activation is all but flat. */
export function stuckShare(outputs: Float32Array, activation: Settings['activation']): number {
  let count = 0;
  for (const y of outputs) {
    if (activation === 'relu') count += y === 0 ? 1 : 0;
    else if (activation === 'tanh') count += Math.abs(y) > 0.98 ? 1 : 0;
    else count += y < 0.01 || y > 0.99 ? 1 : 0;
  }
  return count / outputs.length;
}

/** Mean and sd of each channel of [n, channels], the sd unbiased as the running one is. */
function batchStatistics(
  values: Float32Array,
  channels: number,
): Pick<Statistics, 'batchMean' | 'batchSd'> {
  const rows = values.length / channels;
  const batchMean = new Float32Array(channels);
  const batchSd = new Float32Array(channels);
  for (let channel = 0; channel < channels; channel++) {
    const column = new Float32Array(rows);
    for (let row = 0; row < rows; row++) column[row] = values[row * channels + channel]!;
    const { mean, sd } = moments(column);
    batchMean[channel] = mean;
    batchSd[channel] = sd * Math.sqrt(rows / Math.max(1, rows - 1));
  }
  return { batchMean, batchSd };
}

function running(norm: BatchNorm1d): Pick<Statistics, 'runningMean' | 'runningSd'> {
  const state = norm.stateDict();
  return {
    runningMean: state.running_mean!.toArray(),
    runningSd: state.running_var!.toArray().map(Math.sqrt),
  };
}

function moments(values: Float32Array): { mean: number; sd: number } {
  let sum = 0;
  for (const value of values) sum += value;
  const mean = sum / values.length;
  let squares = 0;
  for (const value of values) squares += (value - mean) ** 2;
  return { mean, sd: Math.sqrt(squares / values.length) };
}

export function l2(values: Float32Array): number {
  let squares = 0;
  for (const value of values) squares += value * value;
  return Math.sqrt(squares);
}
