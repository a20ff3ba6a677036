/**
 * What the layers of a network do in one training step. All knowledge of evenkeel/inspect is in this file.
 */
import { BatchNorm1d, type Module, type Parameter } from 'evenkeel';
import {
  diagnose,
  type Distribution as Watched,
  type WatchedBatchNorm,
  type WatchedLayer,
  type WatchOptions,
  watch,
} from 'evenkeel/inspect';
import type { Distribution, LayerReport, Statistics } from '../protocol.ts';
import type { Settings } from '../settings.ts';

const BINS = 40;
/** Percentiles and histograms are those of this many values. */
const SAMPLED = 4096;

export interface StepReport {
  readonly layers: LayerReport[];
  /** What `diagnose` says is wrong, the worst first; not of the inputs, which both networks share. */
  readonly ailments: string[];
}

/** Runs `step`, which trains `model` once, and tells what the hidden layers did in it. */
export function watchStep(
  model: Module,
  { depth }: Settings,
  options: Pick<WatchOptions, 'loss' | 'optimizer'>,
  step: () => void,
): StepReport {
  // Not `using`: browsers may lack Symbol.dispose.
  const watcher = watch(model, { ...options, every: 1, bins: BINS, sample: SAMPLED });
  try {
    step();
    const seen = new Map(watcher.last!.layers.map((layer) => [layer.name, layer]));
    const modules = new Map(model.namedModules() as [string, Module][]);
    const layers = Array.from({ length: Number(depth) }, (_, i) =>
      layerReport(seen, modules, i + 1),
    );
    const found = diagnose(watcher.report()).filter(
      ({ severity, where }) => severity !== 'hint' && where !== 'inputs',
    );
    return { layers, ailments: found.map(({ sentence }) => sentence) };
  } finally {
    watcher.stop();
  }
}

function layerReport(
  seen: ReadonlyMap<string, WatchedLayer>,
  modules: ReadonlyMap<string, Module>,
  i: number,
): LayerReport {
  const linear = seen.get(`linear${i}`)!;
  const norm = seen.get(`norm${i}`);
  const activation = seen.get(`act${i}`)!;
  const names = [...seen.keys()];
  const normFirst = norm && names.indexOf(norm.name) < names.indexOf(activation.name);
  const weight = linear.parameters.find(({ name }) => name.endsWith('weight'))!;
  const module = modules.get(`norm${i}`) as
    | (Module & { weight: Parameter; bias: Parameter })
    | undefined;
  return {
    before: distribution((normFirst ? norm : linear).output),
    after: distribution(activation.output),
    stuck: activation.dead ?? activation.saturated!,
    weightNorm: weight.norm,
    gradientNorm: weight.gradientNorm,
    ...(module && {
      affine: { gamma: module.weight.data.toArray(), beta: module.bias.data.toArray() },
    }),
    ...(norm?.batchNorm &&
      module instanceof BatchNorm1d && { statistics: statistics(norm.batchNorm) }),
  };
}

function distribution({ percentiles, mean, sd, histogram, sampled }: Watched): Distribution {
  const { from, to, counts } = histogram;
  const shares = Float32Array.from(counts, (count) => count / sampled);
  return { percentiles, mean, sd, histogram: { low: from, high: to, counts: shares } };
}

function statistics(seen: WatchedBatchNorm): Statistics {
  const root = (variances: number[]): Float32Array => Float32Array.from(variances, Math.sqrt);
  return {
    batchMean: Float32Array.from(seen.batchMean),
    batchSd: root(seen.batchVariance),
    runningMean: Float32Array.from(seen.runningMean),
    runningSd: root(seen.runningVariance),
  };
}
