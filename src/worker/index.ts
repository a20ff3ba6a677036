/** evenkeel/worker: training off the main thread; the public names, and nothing else. */
export type { Port } from './messages.ts';
export { type Job, type Setup, serve } from './serve.ts';
export { TrainingRun, type TrainOptions, train } from './train.ts';
