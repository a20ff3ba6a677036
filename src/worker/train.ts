import type { StateDict } from '../module/module.ts';
import { unexpected } from '../tensor/check.ts';
import { checkSignal, optionsOf } from '../tensor/options.ts';
import type { Progress } from '../train/history.ts';
import { type Fault, type Reply, type Request, readReply, WorkerError } from './messages.ts';
import { hasExited, isPort, listen, type Port } from './port.ts';
import { portable } from './portable.ts';

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
 * yourself, which ends a run with a WorkerError. If a Worker's script never calls `serve`, or if it calls
 * its own `close()`, browsers do not report it, and the run waits until its signal is aborted.
 *
 * @param worker a Worker of the web, Deno, Bun or Node's `worker_threads`, or a MessagePort
 * @param data the data for the Worker's `setup`: anything that structured clone takes. Tensors and state
 *   dicts arrive as `{ data, shape }`, which `fit` and `loadStateDict` take.
 * @throws TypeError if `worker` is not a Worker or port, or if `data` contains a model
 * @throws WorkerError if the Worker has ended
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
  if (hasExited(worker)) throw new WorkerError('train: this Worker has exited: start another one');
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
   * The weights after the last step. Rejects with the error that was thrown in the Worker, or with a
   * WorkerError that says why the Worker failed.
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
  private release = (): void => {};

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
      this.fail(signal!.reason);
    };
    try {
      busy.add(worker);
      const unlisten = listen(
        worker,
        {
          message: (data) => this.receive(readReply(data)),
          unreadable: () => this.break('a message from the Worker could not be read'),
          ended: (reason, cause) =>
            this.break(`the Worker ended before its run did: ${reason}`, cause),
        },
        true,
      );
      this.release = () => {
        busy.delete(worker);
        unlisten();
        signal?.removeEventListener('abort', abort);
      };
      if (signal?.aborted) {
        this.end(() => this.reject(signal.reason));
        return;
      }
      signal?.addEventListener('abort', abort);
      const content = portable(data, transfer);
      this.post('announce');
      this.post('train', { data: content }, transfer);
    } catch (error) {
      busy.delete(worker);
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
    this.stateDict.catch(() => {}); // the snapshot rejects as well, so it does not count as unhandled
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

  private receive(reply: Reply | Fault | undefined): void {
    if (reply?.run !== this.run) return;
    if (reply.evenkeel === 'progress') {
      for (const step of reply.steps) this.received?.push(step as P);
      this.wake?.();
    } else if (reply.evenkeel === 'snapshot') {
      this.pending?.resolve(reply.state);
      this.pending = undefined;
    } else if (reply.evenkeel === 'done') {
      this.end(() => this.resolve(reply.state));
    } else if (reply.evenkeel === 'error') {
      this.end(() => this.reject(reply.error));
    } else if (reply.evenkeel === 'fault') {
      this.break(`the Worker sent ${reply.reason}`);
    }
  }

  private send(evenkeel: 'snapshot' | 'stop' | 'abort'): void {
    if (this.ended) return;
    try {
      this.post(evenkeel);
    } catch (cause) {
      this.break('a message to the Worker could not be sent', cause);
    }
  }

  private post(
    evenkeel: Request['evenkeel'],
    content?: object,
    transfer?: readonly object[],
  ): void {
    this.worker.postMessage({ evenkeel, run: this.run, ...content }, transfer);
  }

  /** Ends the run because the Worker fails. */
  private break(reason: string, cause?: unknown): void {
    this.fail(new WorkerError(`train: ${reason}`, { cause }));
  }

  /** Ends the run on this side, and tells the Worker so, if it is still there. */
  private fail(error: unknown): void {
    this.end(() => this.reject(error));
    try {
      this.post('abort');
    } catch {
      // the Worker is not there
    }
  }

  private end(settle: () => void): void {
    if (this.ended) return;
    this.ended = true;
    this.release();
    settle();
    this.wake?.();
  }
}
