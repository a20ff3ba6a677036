import type { StateDict } from '../module/module.ts';
import { describe } from '../tensor/check.ts';
import { Tensor } from '../tensor/tensor.ts';
import type { Progress } from '../train/fit.ts';
import { errorOf, isPort, listen, type PlainState, type Port, type Reply } from './messages.ts';

export interface TrainOptions {
  /** Ends the run at once: its loop and `stateDict` throw the signal's reason. */
  signal?: AbortSignal;
  /** Buffers in `data` to hand over instead of copying; they are empty here afterwards. */
  transfer?: readonly object[];
}

/** The Workers at work. */
const busy = new WeakSet<Port>();
let count = 0;

/**
 * The page's side of training off the main thread: has a Worker that called `serve` train, and gives
 * its progress and its weights.
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
 * A Worker trains one model at a time; it can be used again when the run has ended, and is yours to
 * terminate. What the platform does not tell cannot be told here: in browsers, that somebody
 * terminated the Worker, or that its script never calls `serve`.
 *
 * @param worker a Worker of the web, of Deno, of Bun or of Node's `worker_threads`, or a MessagePort
 * @param data what its `serve` gets: anything that can be cloned. Tensors, state dicts included, arrive
 *   as `{ data, shape }`, which `fit` and `loadStateDict` take
 * @throws TypeError where `worker` is none, or `data` holds a model
 * @throws Error while the Worker is training
 */
export function train<P = Progress>(
  worker: Port,
  data: unknown,
  options: TrainOptions = {},
): TrainingRun<P> {
  if (!isPort(worker)) {
    throw new TypeError(`train: expected a Worker or a MessagePort, got ${describe(worker)}`);
  }
  if (busy.has(worker)) {
    throw new Error(
      'train: this Worker is training: wait for its stateDict, stop() or abort that run, or take ' +
        'another Worker',
    );
  }
  return new TrainingRun<P>(worker, data, options);
}

/**
 * A run in a Worker. Iterated, it gives what `fit` yields there, in order, from the moment the loop
 * begins. The Worker does not wait for the loop. Leaving the loop stops the run.
 */
export class TrainingRun<P = Progress> implements AsyncIterable<P> {
  /** The weights after the last step. Rejects with what was thrown in the Worker, or with its end. */
  readonly stateDict: Promise<StateDict>;
  private readonly run = ++count;
  private readonly worker: Port;
  private resolve!: (state: StateDict) => void;
  private reject!: (reason: unknown) => void;
  private ended = false;
  /** Progress that the loop has not seen; undefined as long as nobody listens. */
  private heard: P[] | undefined;
  private wake: (() => void) | undefined;
  private pending: { promise: Promise<StateDict>; resolve(state: StateDict): void } | undefined;
  private readonly release: () => void;

  /** @internal Use `train`. */
  constructor(worker: Port, data: unknown, { signal, transfer = [] }: TrainOptions) {
    this.worker = worker;
    this.stateDict = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
    const abort = (): void => {
      this.heard &&= [];
      this.tell('abort');
      this.end(() => this.reject(signal!.reason));
    };
    const unlisten = listen(
      worker,
      (reply) => this.hear(reply as Reply),
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

  /** Ends the run after the step in progress: its loop ends, and `stateDict` has the weights so far. */
  stop(): void {
    this.tell('stop');
  }

  /** The weights between two steps, as soon as can be, while training goes on; at its end the last ones. */
  snapshot(): Promise<StateDict> {
    if (this.ended) return this.stateDict;
    if (!this.pending) {
      let resolve!: (state: StateDict) => void;
      const asked = new Promise<StateDict>((r) => {
        resolve = r;
      });
      this.pending = { promise: Promise.race([asked, this.stateDict]), resolve };
      this.tell('snapshot');
    }
    return this.pending.promise;
  }

  [Symbol.asyncIterator](): AsyncIterator<P, void, void> {
    this.heard ??= [];
    this.stateDict.catch(() => {}); // the loop throws it
    return this.steps();
  }

  private async *steps(): AsyncGenerator<P, void, void> {
    try {
      for (;;) {
        while (this.heard!.length > 0) yield this.heard!.shift()!;
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

  private hear(reply: Reply): void {
    if (reply?.run !== this.run) return;
    if (reply.evenkeel === 'progress') {
      for (const step of reply.steps) this.heard?.push(step as P);
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

  private tell(evenkeel: 'snapshot' | 'stop' | 'abort'): void {
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

/** A state dict that came in a message. */
function tensors(state: PlainState): StateDict {
  return Object.fromEntries(
    Object.entries(state).map(([name, { data, shape }]) => [name, new Tensor(shape, data)]),
  );
}

/** `value` with what would not survive being cloned made plain. */
function portable(value: unknown, transfer: readonly object[]): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Tensor) return { data: value.toArray(), shape: value.shape };
  if (ArrayBuffer.isView(value)) {
    // A clone of a view takes its whole buffer along.
    const part = value.byteLength < value.buffer.byteLength && value.buffer instanceof ArrayBuffer;
    const copies = part && !transfer.includes(value.buffer) && !(value instanceof DataView);
    return copies ? (value as Uint8Array).slice() : value;
  }
  if (Array.isArray(value)) {
    return typeof value[0] === 'object' ? value.map((entry) => portable(entry, transfer)) : value;
  }
  if ('stateDict' in value && typeof value.stateDict === 'function') {
    throw new TypeError(
      `train: ${describe(value)} cannot be sent to a Worker: send its stateDict(), and build it there`,
    );
  }
  const prototype = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, entry]) => [key, portable(entry, transfer)]),
  );
}
