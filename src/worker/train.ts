import type { StateDict } from '../module/module.ts';
import { describe, unexpected } from '../tensor/check.ts';
import { checkSignal, optionsOf } from '../tensor/options.ts';
import { Tensor } from '../tensor/tensor.ts';
import type { Progress } from '../train/fit.ts';
import { errorOf, isPort, listen, type PlainState, type Port, type Reply } from './messages.ts';

export interface TrainOptions {
  /** When it is aborted, the run ends at once: the loop and `stateDict` throw the signal's reason. */
  signal?: AbortSignal;
  /** Buffers in `data` to transfer instead of copying; they are detached here afterwards. */
  transfer?: readonly object[];
}

/** The Workers that are training. */
const busy = new WeakSet<Port>();
let count = 0;

/**
 * The page's side of training off the main thread. It starts a run in a Worker that called `serve`, and
 * returns an object with the run's progress and weights.
 *
 * ```ts
 * import { train } from 'evenkeel/worker';
 *
 * const worker = new Worker(new URL('./worker.js', import.meta.url), { type: 'module' });
 * const run = train(worker, { inputs, targets, epochs: 5 }, { signal });
 * for await (const { epoch, step, loss } of run) console.log(epoch, step, loss);
 * model.loadStateDict(await run.stateDict);
 * ```
 *
 * A Worker trains one model at a time, and can be used again when the run has ended. You terminate it
 * yourself. Browsers do not report that a Worker was terminated, or that its script never calls `serve`: the
 * run then waits forever.
 *
 * @param worker a Worker of the web, Deno, Bun or Node's `worker_threads`, or a MessagePort
 * @param data the data for the Worker's `setup`: anything that structured clone takes. Tensors and state
 *   dicts arrive as `{ data, shape }`, which `fit` and `loadStateDict` take.
 * @throws TypeError if `worker` is not a Worker or port, or if `data` contains a model
 * @throws Error if the Worker is already training
 */
export function train<P = Progress>(
  worker: Port,
  data: unknown,
  ...rest: [options?: TrainOptions | undefined]
): TrainingRun<P> {
  const options = optionsOf('train', rest, { signal: undefined, transfer: undefined });
  const { signal, transfer = [] } = options;
  checkSignal('train', signal);
  if (!Array.isArray(transfer)) {
    throw unexpected('train: transfer', 'a list of buffers', transfer);
  }
  if (!isPort(worker)) {
    throw unexpected('train:', 'a Worker or a MessagePort', worker);
  }
  if (busy.has(worker)) {
    throw new Error(
      'train: expected an idle Worker, got one that is training: wait for its stateDict, stop() or ' +
        'abort that run, or use another Worker',
    );
  }
  return new TrainingRun<P>(worker, data, signal, transfer);
}

/**
 * A training run in a Worker. Iterating over it gives the values that `fit` yields in the Worker, in order,
 * from the beginning of the iteration. The Worker does not wait for the loop. Leaving the loop stops the
 * run.
 */
export class TrainingRun<P = Progress> implements AsyncIterable<P> {
  /**
   * The weights after the last step. Rejects with the error that was thrown in the Worker, or with one
   * that says why the Worker ended.
   */
  readonly stateDict: Promise<StateDict>;
  private readonly run = ++count;
  private readonly worker: Port;
  private resolve!: (state: StateDict) => void;
  private reject!: (reason: unknown) => void;
  private ended = false;
  /** Progress that the loop has not taken yet; undefined before the iteration begins. */
  private received: P[] | undefined;
  private wake: (() => void) | undefined;
  private pending: { promise: Promise<StateDict>; resolve(state: StateDict): void } | undefined;
  private readonly release: () => void;

  /** @internal Use `train`. */
  constructor(
    worker: Port,
    data: unknown,
    signal: AbortSignal | undefined,
    transfer: readonly object[],
  ) {
    this.worker = worker;
    this.stateDict = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
    const abort = (): void => {
      this.received &&= [];
      this.send('abort');
      this.end(() => this.reject(signal!.reason));
    };
    const unlisten = listen(
      worker,
      (reply) => this.receive(reply as Reply),
      (reason, cause) => {
        const error = new Error(`train: the Worker ended before its run did: ${reason}`, { cause });
        this.end(() => this.reject(error));
      },
    );
    this.release = () => {
      busy.delete(worker);
      unlisten();
      signal?.removeEventListener('abort', abort);
    };
    busy.add(worker);
    if (signal?.aborted) {
      this.end(() => this.reject(signal.reason));
      return;
    }
    signal?.addEventListener('abort', abort);
    try {
      const { run } = this;
      worker.postMessage({ evenkeel: 'train', run, data: portable(data, transfer) }, transfer);
    } catch (error) {
      this.release();
      throw error;
    }
  }

  /** Ends the run after the current step: the loop ends, and `stateDict` resolves to the weights so far. */
  stop(): void {
    this.send('stop');
  }

  /**
   * Resolves to the weights after the current step, while training continues; to the final weights if the
   * run has ended.
   */
  snapshot(): Promise<StateDict> {
    if (this.ended) return this.stateDict;
    if (!this.pending) {
      let resolve!: (state: StateDict) => void;
      const asked = new Promise<StateDict>((r) => {
        resolve = r;
      });
      this.pending = { promise: Promise.race([asked, this.stateDict]), resolve };
      this.send('snapshot');
    }
    return this.pending.promise;
  }

  [Symbol.asyncIterator](): AsyncIterator<P, void, void> {
    this.received ??= [];
    this.stateDict.catch(() => {}); // the loop throws the error, so it does not count as unhandled
    return this.steps();
  }

  private async *steps(): AsyncGenerator<P, void, void> {
    try {
      for (;;) {
        while (this.received!.length > 0) yield this.received!.shift()!;
        if (this.ended) break;
        await new Promise<void>((resolve) => {
          this.wake = resolve;
        });
      }
    } finally {
      this.stop();
    }
    await this.stateDict;
  }

  private receive(reply: Reply): void {
    if (reply?.run !== this.run) return;
    if (reply.evenkeel === 'progress') {
      for (const step of reply.steps) this.received?.push(step as P);
      this.wake?.();
    } else if (reply.evenkeel === 'snapshot') {
      this.pending?.resolve(tensors(reply.state));
      this.pending = undefined;
    } else if (reply.evenkeel === 'done') {
      this.end(() => this.resolve(tensors(reply.state)));
    } else if (reply.evenkeel === 'error') {
      this.end(() => this.reject(errorOf(reply.error)));
    }
  }

  private send(evenkeel: 'snapshot' | 'stop' | 'abort'): void {
    if (!this.ended) this.worker.postMessage({ evenkeel, run: this.run });
  }

  private end(settle: () => void): void {
    if (this.ended) return;
    this.ended = true;
    this.release();
    settle();
    this.wake?.();
  }
}

/** Makes a state dict from the plain objects of a message. */
function tensors(state: PlainState): StateDict {
  return Object.fromEntries(
    Object.entries(state).map(([name, { data, shape }]) => [name, new Tensor(shape, data)]),
  );
}

/** Copies `value`, with Tensors as plain objects, because structured clone would lose their class. */
function portable(value: unknown, transfer: readonly object[]): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Tensor) return { data: value.toArray(), shape: value.shape };
  if (ArrayBuffer.isView(value)) {
    // Cloning a view would clone its whole buffer, so a view of a part is copied first.
    const part = value.byteLength < value.buffer.byteLength && value.buffer instanceof ArrayBuffer;
    const copy = part && !transfer.includes(value.buffer) && !(value instanceof DataView);
    return copy ? (value as Uint8Array).slice() : value;
  }
  if (Array.isArray(value)) {
    return typeof value[0] === 'object' ? value.map((entry) => portable(entry, transfer)) : value;
  }
  if ('stateDict' in value && typeof value.stateDict === 'function') {
    throw new TypeError(
      `train: data expected values that can be cloned, got ${describe(value)}: send its stateDict(), and ` +
        'build the model in the Worker',
    );
  }
  const prototype = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, entry]) => [key, portable(entry, transfer)]),
  );
}
