/** evenkeel/inspect: what happens in a network while it trains. */
export { AnomalyError, detectAnomaly } from './anomaly.ts';
export { type Observation, type Observed, type ObserveOptions, observe } from './observe.ts';
