/** evenkeel/inspect: what happens in a network while it trains. */
export { AnomalyError, detectAnomaly } from './anomaly.ts';
export { diagnose } from './diagnose.ts';
export type { Ailment, Diagnosis, Severity } from './diagnosis.ts';
export { type GradcheckOptions, type GradcheckResult, gradcheck } from './gradcheck.ts';
export { reportFromJSON, reportToJSON } from './json.ts';
export { type Observation, type Observed, type ObserveOptions, observe } from './observe.ts';
export type { WatchOptions } from './options.ts';
export {
  type Distribution,
  type Histogram,
  type LayerSeries,
  PERCENTILES,
  type WatchedBatchNorm,
  type WatchedInput,
  type WatchedLayer,
  type WatchedParameter,
  type WatchedStep,
  type WatchHistory,
  type WatchReport,
} from './report.ts';
export { type Watcher, watch } from './watch.ts';
