/** What enters the activations of a network while it trains, as percentiles. */
import type { Module } from 'evenkeel';
import { observe } from 'evenkeel/inspect';
import { LEVELS, percentiles } from '../shared/percentiles.ts';

/** The number of moments of a training at which percentiles are taken. */
const MOMENTS = 30;
/** The number of values of a layer that percentiles are taken of, because sorting all of them takes long. */
const SAMPLES = 20_000;

export interface Distribution {
  step: number;
  /** The name of the layer whose output enters the activation. */
  layer: string;
  /** The percentiles of `LEVELS`. */
  levels: number[];
}

export interface Recorder {
  readonly distributions: readonly Distribution[];
  /** Whether a step, counted from 1, is one of those that are recorded and therefore take longer. */
  records(step: number): boolean;
  stop(): void;
}

/** Records what enters each ReLU in about 30 training steps, the first of them included. */
export function recordDistributions(network: Module, steps: number): Recorder {
  const every = Math.max(2, Math.ceil(steps / MOMENTS));
  const names = network.namedModules().map(([name]) => name);
  const layers = names.filter((_, i) => names[i + 1]?.startsWith('relu'));
  const distributions: Distribution[] = [];
  const observation = observe(
    network,
    ({ kind, name, values, step }) => {
      if (kind !== 'output') return;
      distributions.push({ step, layer: name, levels: percentiles(sample(values), LEVELS) });
    },
    { layers, every },
  );
  return {
    distributions,
    records: (step) => (step - 1) % every === 0,
    stop: () => observation.stop(),
  };
}

/** Values from all over the array, at steps of the golden section, so that no row or channel is preferred. */
function sample(values: Float32Array): Float32Array {
  if (values.length <= SAMPLES) return values;
  const golden = (Math.sqrt(5) - 1) / 2;
  return Float32Array.from(
    { length: SAMPLES },
    (_, i) => values[Math.floor(((i * golden) % 1) * values.length)]!,
  );
}
