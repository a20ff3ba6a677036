import type { StateDict } from '../module/module.ts';
import { macrotask } from '../runtime/macrotask.ts';
import { describe, throwIfAborted, unexpected } from '../tensor/check.ts';
import type { Progress } from '../train/fit.ts';
import {
  isPort,
  listen,
  type PlainState,
  type Port,
  plainError,
  type Reply,
  type Request,
} from './messages.ts';

/** A training run: the model, and an iterable that trains it. */
export interface Job<P = Progress> {
  /** The model whose weights are sent to the page: a Module, or another object with a `stateDict()`. */
  readonly model: { stateDict(): StateDict };
  /** Trains the model while it is iterated: the result of `fit`, or a generator of your own. */
  readonly progress: AsyncIterable<P> | Iterable<P>;
}

/**
 * Prepares a run from the data that the page sent. `signal` is aborted when the page's signal is; pass it
 * to `fit` and `fetch`.
 */
// biome-ignore lint/suspicious/noExplicitAny: only the user's own page determines the type of the data
export type Setup<Data = any, P = Progress> = (
  data: Data,
  signal: AbortSignal,
) => Job<P> | Promise<Job<P>>;

/** The longest time in ms before progress is sent and the event loop gets its turn. */
const FLUSH_INTERVAL = 30;

/**
 * The Worker's side of training off the main thread. Each call of `train` on the page starts a run.
 *
 * ```ts
 * import { Adam, CrossEntropyLoss, fit } from 'evenkeel';
 * import { serve } from 'evenkeel/worker';
 *
 * serve(({ inputs, targets, epochs }, signal) => {
 *   const model = network();
 *   const optimizer = new Adam(model.parameters());
 *   const loss = new CrossEntropyLoss();
 *   return { model, progress: fit(model, { inputs, targets }, { loss, optimizer, epochs, signal }) };
 * });
 * ```
 *
 * The values that `progress` yields are sent to the page in groups, at most 33 per second, so that short
 * steps do not flood the page. Between groups, the event loop handles other events. Call `serve` once, at
 * the top of the Worker's script and before any `await`; earlier messages from the page are lost.
 *
 * @param setup called for each run, one after the other. An error that it throws is thrown on the page.
 * @param port the port to the page; default: the Worker's global scope. In Node pass `parentPort` of
 *   `node:worker_threads`, in a SharedWorker the port of its `connect` event.
 * @throws TypeError if `setup` is not a function, or if there is no port because this is not a Worker
 */
// biome-ignore lint/suspicious/noExplicitAny: as above
export function serve<Data = any, P = Progress>(
  setup: Setup<Data, P>,
  port: Port = globalThis as unknown as Port,
): void {
  if (typeof setup !== 'function') {
    throw unexpected('serve: setup', 'a function', setup);
  }
  const page = (port as unknown) === globalThis && typeof document !== 'undefined';
  if (page || !isPort(port)) {
    throw new TypeError(
      'serve: expected a Worker, got a page or main thread: call serve in a Worker; in Node, pass ' +
        'parentPort of node:worker_threads as the second argument',
    );
  }
  const runs = new Map<number, Run>();
  let last: Promise<void> = Promise.resolve();
  listen(port, (message) => {
    const request = message as Request;
    if (request?.evenkeel !== 'train') {
      const run = runs.get(request?.run);
      if (run) answer(run, request.evenkeel);
      return;
    }
    const run = new Run(request.run, port);
    runs.set(request.run, run);
    // The previous run may still be in its last step, after the page aborted it.
    last = last
      .then(() => run.perform(setup as Setup, request.data))
      .then(() => void runs.delete(request.run));
  });
}

function answer(run: Run, request: 'snapshot' | 'stop' | 'abort'): void {
  if (request === 'snapshot') run.snapshot();
  else if (request === 'stop') run.stop();
  else if (request === 'abort') run.abort();
}

class Run {
  private readonly controller = new AbortController();
  private model: Job['model'] | undefined;
  private stopped = false;
  /** Whether the page requested a snapshot before there was a model. */
  private snapshotPending = false;

  constructor(
    private readonly number: number,
    private readonly port: Port,
  ) {}

  stop(): void {
    this.stopped = true;
  }

  abort(): void {
    this.controller.abort();
  }

  snapshot(): void {
    if (this.model) this.sendState('snapshot', this.model.stateDict());
    else this.snapshotPending = true;
  }

  async perform(setup: Setup<unknown, unknown>, data: unknown): Promise<void> {
    const { signal } = this.controller;
    try {
      throwIfAborted(signal);
      const { model, progress } = checkJob(await setup(data, signal));
      this.model = model;
      if (this.snapshotPending) this.snapshot();
      await this.report(progress);
      throwIfAborted(signal);
      this.sendState('done', model.stateDict());
    } catch (error) {
      this.send({ evenkeel: 'error', run: this.number, error: plainError(error) });
    }
  }

  private async report(progress: Job<unknown>['progress']): Promise<void> {
    const { signal } = this.controller;
    const events = macrotask();
    let steps: unknown[] = [];
    const flush = (): void => {
      if (steps.length > 0) this.send({ evenkeel: 'progress', run: this.number, steps });
      steps = [];
    };
    let sent = performance.now();
    try {
      for await (const step of progress) {
        steps.push(step);
        if (performance.now() - sent >= FLUSH_INTERVAL) {
          flush();
          await events.turn();
          sent = performance.now();
        }
        if (this.stopped || signal.aborted) break;
      }
    } finally {
      events.close();
      flush();
    }
  }

  private sendState(evenkeel: 'snapshot' | 'done', tensors: StateDict): void {
    const state: PlainState = {};
    for (const [name, tensor] of Object.entries(tensors)) {
      state[name] = { data: tensor.toArray(), shape: tensor.shape };
    }
    const buffers = Object.values(state).map(({ data }) => data.buffer);
    this.send({ evenkeel, run: this.number, state }, buffers);
  }

  private send(reply: Reply, transfer: readonly ArrayBufferLike[] = []): void {
    this.port.postMessage(reply, transfer);
  }
}

function checkJob(job: Job<unknown>): Job<unknown> {
  const { model, progress } = job ?? {};
  if (typeof model?.stateDict !== 'function') {
    throw new TypeError(
      `serve: setup expected to return { model, progress } with a model that has a stateDict(), got ${
        job ? `the model ${describe(model)}` : describe(job)
      }`,
    );
  }
  const iterable = progress as Partial<AsyncIterable<unknown> & Iterable<unknown>> | undefined;
  if (!iterable?.[Symbol.asyncIterator] && !iterable?.[Symbol.iterator]) {
    throw unexpected('serve: progress', 'the result of fit or another iterable', progress);
  }
  return job;
}
