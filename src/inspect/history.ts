import {
  type LayerSeries,
  PERCENTILES,
  type WatchedLayer,
  type WatchedStep,
  type WatchHistory,
} from './report.ts';

/**
 * The series of a watch, with a bound: when they are full, every second point is dropped, and from then on
 * only every second step is kept. So they always reach from the first step to now.
 */
export class History {
  readonly series: WatchHistory = { steps: [], loss: [], lr: [], batchSize: [], layers: {} };
  private stride = 1;
  private seen = 0;

  constructor(private readonly bound: number) {}

  add(step: WatchedStep): void {
    if (this.seen++ % this.stride !== 0) return;
    if (this.series.steps.length >= this.bound) {
      this.thin();
      if ((this.seen - 1) % this.stride !== 0) return;
    }
    const { steps, loss, lr, batchSize, layers } = this.series;
    const before = steps.length;
    steps.push(step.step);
    loss.push(step.loss);
    lr.push(step.lr);
    batchSize.push(step.batchSize);
    const found = new Map(step.layers.map((layer) => [layer.name, layer]));
    for (const name of new Set([...Object.keys(layers), ...found.keys()])) {
      layers[name] ??= emptySeries(before);
      push(layers[name], found.get(name));
    }
  }

  /** Enters what became known after the step was added: the norms of its updates. */
  settle(step: WatchedStep): void {
    const last = this.series.steps.length - 1;
    if (this.series.steps[last] !== step.step) return;
    for (const layer of step.layers) {
      this.series.layers[layer.name]!.updateNorm[last] = together(layer, 'updateNorm');
    }
  }

  private thin(): void {
    this.stride *= 2;
    const { layers, ...common } = this.series;
    const all = Object.values(layers).flatMap(
      (one) => Object.values(one) as (number[] | number[][])[],
    );
    for (const values of [...Object.values(common), ...all]) {
      for (const series of (Array.isArray(values[0]) ? values : [values]) as number[][]) {
        for (let i = 0; 2 * i < series.length; i++) series[i] = series[2 * i]!;
        series.length = Math.ceil(series.length / 2);
      }
    }
  }
}

/** The norm over all parameters of a layer; NaN if one is unknown or there are none. */
export function together(
  { parameters }: WatchedLayer,
  what: 'norm' | 'gradientNorm' | 'updateNorm',
): number {
  if (parameters.length === 0) return Number.NaN;
  let sum = 0;
  for (const parameter of parameters) sum += parameter[what] * parameter[what];
  return Math.sqrt(sum);
}

function emptySeries(length: number): LayerSeries {
  const none = () => Array<number>(length).fill(Number.NaN);
  return {
    ...{ mean: none(), sd: none() },
    percentiles: PERCENTILES.map(none),
    largest: PERCENTILES.map(none),
    ...{ dead: none(), saturated: none(), gradientRms: none() },
    ...{ weightNorm: none(), gradientNorm: none(), updateNorm: none() },
    ...{ meanDistance: none(), sdDistance: none(), gap: none() },
  };
}

function push(series: LayerSeries, layer: WatchedLayer | undefined): void {
  const { output, batchNorm } = layer ?? {};
  const add = (to: number[], value = Number.NaN) => to.push(value);
  add(series.mean, output?.mean);
  add(series.sd, output?.sd);
  for (let i = 0; i < PERCENTILES.length; i++) {
    add(series.percentiles[i]!, output?.percentiles[i]);
    add(series.largest[i]!, layer?.largestPercentiles[i]);
  }
  add(series.dead, layer?.dead);
  add(series.saturated, layer?.saturated);
  add(series.gradientRms, layer?.gradient?.rms);
  add(series.weightNorm, layer && together(layer, 'norm'));
  add(series.gradientNorm, layer && together(layer, 'gradientNorm'));
  add(series.updateNorm, layer && together(layer, 'updateNorm'));
  add(series.meanDistance, batchNorm?.meanDistance);
  add(series.sdDistance, batchNorm?.sdDistance);
  add(series.gap, batchNorm?.gap);
}
