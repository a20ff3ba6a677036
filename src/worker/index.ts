/** evenkeel/worker: training off the main thread. This file only lists the public names. */
export { WorkerError } from './messages.ts';
export type { Port } from './port.ts';
export { type Job, type Setup, serve } from './serve.ts';
export { TrainingRun, type TrainOptions, train } from './train.ts';
