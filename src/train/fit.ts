import type { Module } from '../module/module.ts';
import type { TrainingData } from './data.ts';
import type { History, Progress } from './history.ts';
import type { Metrics, PlainMetrics } from './metric.ts';
import type { FitOptions } from './options.ts';
import { Training } from './training.ts';

/**
 * Trains a model. Await it to train to the end, or iterate over it to see each step.
 *
 * ```ts
 * const { epochs, best } = await fit(model, { inputs, targets }, { loss: criterion, optimizer, epochs: 3, validation });
 * for await (const { epoch, step, steps, loss } of fit(model, { inputs, targets }, { loss: criterion, optimizer })) {
 *   console.log(epoch, step, steps, loss);
 * }
 * ```
 *
 * For each batch it runs forward, loss, `zeroGrad`, backward and the optimizer's step, and yields the batch's loss
 * and accuracy. `fit` gives way to the event loop at least every 30 ms, or after each step if a step takes
 * longer. Each epoch begins with `model.train()`.
 *
 * Nothing runs before it is awaited or iterated over. You may leave the loop at any time: that ends the run, and the
 * model keeps the state after the last step (`restoreBest` does nothing then).
 *
 * @returns a run, which trains once however often it is awaited
 * @throws TypeError if the optimizer is missing, if the loss is and the model computes none, or if `data` or an
 *   option is of another type; before the first step, as all errors of arguments
 * @throws RangeError before the first step, if the last batch is so small that a layer refuses it (batch
 *   norm needs more than one value per channel), or if `resume` belongs to other data
 */
export function fit<M extends Metrics = PlainMetrics>(
  model: Module,
  data: TrainingData,
  ...rest: [options: FitOptions<M>]
): FitRun<M> {
  return new FitRun<M>(new Training(model, data, rest as never));
}

/** A run of `fit`: a Promise of its history, and an iterator of its steps. */
export class FitRun<M extends Metrics = PlainMetrics>
  implements AsyncIterableIterator<Progress<M>, void>, PromiseLike<History<M>>
{
  /** The epochs so far. */
  readonly history: History<M>;
  private readonly steps: AsyncGenerator<Progress<M>, void, void>;
  private end: Promise<History<M>> | undefined;

  /** @internal Use `fit`. */
  constructor(private readonly training: Training) {
    this.history = training.history as History<M>;
    this.steps = training.steps() as AsyncGenerator<Progress<M>, void, void>;
  }

  /** Trains on one batch. */
  next(): Promise<IteratorResult<Progress<M>, void>> {
    return this.steps.next();
  }

  /** Ends the run after the last step, as leaving the loop does. */
  return(): Promise<IteratorResult<Progress<M>, void>> {
    return this.steps.return();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /**
   * Trains to the end, and resolves to the history. A run whose loop was left has ended: it resolves to what it did.
   * Rejects with the error that ended the run.
   */
  // biome-ignore lint/suspicious/noThenProperty: it is a Promise of the history
  then<A = History<M>, B = never>(
    fulfilled?: ((history: History<M>) => A | PromiseLike<A>) | null,
    rejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    this.end ??= this.finish();
    return this.end.then(fulfilled, rejected);
  }

  private async finish(): Promise<History<M>> {
    while (!(await this.next()).done);
    const { failure } = this.training;
    if (failure) throw failure.error;
    return this.history;
  }
}
