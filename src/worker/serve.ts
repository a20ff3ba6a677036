import type { StateDict } from '../module/module.ts';
import { macrotask } from '../runtime/macrotask.ts';
import { describe, unexpected } from '../tensor/check.ts';
import type { Progress } from '../train/history.ts';
import {
  type PlainError,
  type PlainState,
  plainError,
  readRequest,
  WorkerError,
} from './messages.ts';
import { isPort, listen, type Port } from './port.ts';

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

/** The longest time in ms that the next run waits for one that was aborted, but does not end. */
const GRACE = 1000;

/** The ports that are served. */
const served = new WeakSet<Port>();

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
 * @throws Error if it was called for this port before
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
  if (served.has(port)) throw new Error('serve: was already called for this port: call it once');
  served.add(port);
  const runs = new Map<number, Run>();
  /** The run whose data comes next. */
  let announced: number | undefined;
  let last: Promise<void> = Promise.resolve();
  const refuse = (number: number, reason: string): void => {
    const run = runs.get(number) ?? new Run(number, port);
    run.fail(new WorkerError(`train: the Worker got ${reason}`));
  };
  const message = (data: unknown): void => {
    const request = readRequest(data);
    if (!request) return;
    const run = runs.get(request.run);
    if (request.evenkeel === 'announce') announced = request.run;
    else if (request.evenkeel === 'fault') refuse(request.run, request.reason);
    else if (request.evenkeel !== 'train') run?.[request.evenkeel]();
    else if (!run) {
      announced = undefined;
      const started = new Run(request.run, port);
      runs.set(request.run, started);
      // The previous run may still be in its last step, after the page aborted it.
      last = last
        .then(() => started.perform(setup as Setup, request.data))
        .then(() => void runs.delete(request.run));
    }
  };
  const unreadable = (): void => {
    if (announced !== undefined) refuse(announced, 'data that cannot be read here');
    announced = undefined;
  };
  const ended = (): void => {
    for (const run of runs.values()) run.abort(); // nobody listens any more
  };
  listen(port, { message, unreadable, ended }, false);
}

class Run {
  private readonly controller = new AbortController();
  private model: Job['model'] | undefined;
  private stopped = false;
  /** Whether the page expects no more messages of this run. */
  private ended = false;
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
    this.ended = true;
    this.controller.abort();
  }

  snapshot(): void {
    try {
      if (this.model) this.sendState('snapshot', this.model.stateDict());
      else this.snapshotPending = true;
    } catch (error) {
      this.fail(error);
    }
  }

  /** Ends the run with an error on the page. Never throws. */
  fail(thrown: unknown): void {
    try {
      this.send('error', { error: plainError(thrown) });
    } catch {
      // the port cannot send any more: there is nobody to tell
    }
    this.abort();
  }

  /**
   * Trains, and resolves when training has ended. If the run was aborted while its set-up or a step waits for
   * something that never comes, it resolves as well. Never rejects.
   */
  perform(setup: Setup<unknown, unknown>, data: unknown): Promise<void> {
    return new Promise((resolve) => {
      let timer: ReturnType<typeof setTimeout> | undefined;
      this.controller.signal.addEventListener('abort', () => {
        timer = setTimeout(resolve, GRACE);
      });
      this.train(setup, data)
        .catch((error) => this.fail(error))
        .then(() => {
          clearTimeout(timer);
          resolve();
        });
    });
  }

  private async train(setup: Setup<unknown, unknown>, data: unknown): Promise<void> {
    const { signal } = this.controller;
    if (signal.aborted) return;
    const { model, progress } = checkJob(await setup(data, signal));
    this.model = model;
    if (this.snapshotPending) this.snapshot();
    await this.report(progress);
    if (signal.aborted) return;
    this.sendState('done', model.stateDict());
    this.ended = true;
  }

  private async report(progress: Job<unknown>['progress']): Promise<void> {
    const { signal } = this.controller;
    const events = macrotask();
    let steps: unknown[] = [];
    // Sends what a generator that waits would hold back.
    let timer: ReturnType<typeof setTimeout> | undefined;
    const flush = (): void => {
      clearTimeout(timer);
      timer = undefined;
      const collected = steps;
      steps = [];
      if (collected.length > 0) this.send('progress', { steps: collected });
    };
    const flushLate = (): void => {
      try {
        flush();
      } catch (error) {
        this.fail(error);
      }
    };
    let sent = performance.now();
    try {
      for await (const step of progress) {
        if (signal.aborted) break;
        steps.push(step);
        if (performance.now() - sent >= FLUSH_INTERVAL) {
          flush();
          await events.turn();
          sent = performance.now();
        } else {
          timer ??= setTimeout(flushLate, FLUSH_INTERVAL);
        }
        if (this.stopped || signal.aborted) break;
      }
    } finally {
      events.close();
      flush();
    }
  }

  private sendState(kind: 'snapshot' | 'done', tensors: StateDict): void {
    const entries = Object.entries(tensors).map(([name, tensor]) => {
      if (typeof tensor?.toArray !== 'function') {
        throw new TypeError(
          `serve: the model's stateDict() expected Tensors, got ${describe(tensor)} as ${name}`,
        );
      }
      return [name, { data: tensor.toArray(), shape: tensor.shape }] as const;
    });
    const state: PlainState = Object.fromEntries(entries);
    const buffers = new Set(entries.map(([, { data }]) => data.buffer));
    this.send(kind, { state }, [...buffers]);
  }

  private send(
    evenkeel: 'progress' | 'snapshot' | 'done' | 'error',
    content: { steps: unknown[] } | { state: PlainState } | { error: PlainError },
    transfer: readonly ArrayBufferLike[] = [],
  ): void {
    if (!this.ended) this.port.postMessage({ evenkeel, run: this.number, ...content }, transfer);
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
