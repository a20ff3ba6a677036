/** evenkeel/threads: kernels that run on several cores, with the same bits. */
export type { ThreadSource } from './spawn.ts';
export { type Threads, type ThreadsOptions, useThreads } from './usethreads.ts';
