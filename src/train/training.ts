import type { Batch, Batches, Dataset } from '../data/batches.ts';
import type { Module } from '../module/module.ts';
import { clipGradNorm } from '../optim/clip.ts';
import { kernels } from '../runtime/engine.ts';
import { macrotask } from '../runtime/macrotask.ts';
import { throwIfAborted } from '../tensor/check.ts';
import type { Parameter } from '../tensor/parameter.ts';
import type { Shape } from '../tensor/shape.ts';
import { Tensor } from '../tensor/tensor.ts';
import { Best } from './best.ts';
import {
  type BatchIterator,
  type BatchSource,
  checkIterable,
  checkLastBatch,
  iterate,
  type Prepared,
  prepareData,
  type TrainingData,
} from './data.ts';
import { checkBatch, evaluate, lossIn, samplesOf, type TransformedBatch } from './evaluate.ts';
import type { EpochSummary, History, Progress } from './history.ts';
import type { Metrics } from './metric.ts';
import { type Checked, checkedOptions, type FitOptions } from './options.ts';
import { Totals } from './totals.ts';

/** The longest time in ms that `fit` runs without giving way to the event loop. */
const TURN_INTERVAL = 30;

/** The run that a `Progress` was yielded by. */
export const runs = /* @__PURE__ */ new WeakMap<object, Training>();

/** The loop of `fit`, and what it keeps from step to step: all of it is in a checkpoint. */
export class Training {
  readonly history: History<Metrics> = { epochs: [], best: undefined, stopped: false };
  options!: Checked;
  /** The sums of the present epoch. */
  totals!: Totals;
  best!: Best;
  /** Batches whose gradients have been added up since the optimizer's last step. */
  pending = 0;
  /** The batches of the present epoch. */
  source: BatchSource | undefined;
  /** What was yielded last. */
  last: Progress<Metrics> | undefined;
  /** The data set whose last batch has not been checked yet. */
  private unchecked: Batches | undefined;
  /** What the loop was ended by, if it failed. */
  failure: { readonly error: unknown } | undefined;

  constructor(
    readonly model: Module,
    private readonly data: TrainingData,
    private readonly rest: readonly [FitOptions<Metrics>],
  ) {}

  /** The parameters that are trained. */
  get parameters(): Parameter[] {
    return this.options.optimizer.groups.flatMap(({ params }) => params);
  }

  /** Runs the loop. Nothing happens before the first step is asked for. */
  async *steps(): AsyncGenerator<Progress<Metrics>, void, void> {
    const events = macrotask();
    let iterator: BatchIterator | undefined;
    try {
      const { model, history } = this;
      const options = checkedOptions(model, this.rest);
      this.options = options;
      const { loss, epochs, accumulate, schedules, metrics, validation, resume, signal } = options;
      const best = new Best(history, options);
      this.best = best;
      this.totals = new Totals(metrics);
      const { batchesOf, steps } = this.prepare();
      resume?.restore?.(this);
      let lastTurn = performance.now();
      let requested = lastTurn;
      let step = resume?.step ?? 0;
      for (let epoch = resume?.epoch ?? 1; epoch <= epochs && !history.stopped; epoch++) {
        model.train();
        const source = await batchesOf(epoch);
        this.source = source;
        checkIterable('fit', source);
        iterator = await (step ? resume!.start(source) : iterate(source));
        let next = await iterator.next();
        if (next.done && !step) {
          throw new RangeError(
            `fit: data expected batches in epoch ${epoch}, got none: pass a function that returns them`,
          );
        }
        while (!next.done) {
          throwIfAborted(signal);
          const { inputs, targets } = this.changed(next.value);
          const prediction = model.forward(inputs);
          const samples = samplesOf(inputs);
          const value = loss ? loss.forward(prediction, targets) : ownLoss(prediction).item();
          if (this.pending === 0) options.optimizer.zeroGrad();
          const scale = 1 / accumulate;
          if (loss) model.backward(loss.backward(scale));
          else model.backward(prediction instanceof Tensor ? scale : { loss: scale });
          if (++this.pending === accumulate) this.update();
          const measured = this.totals.add(prediction, targets, samples, value, loss);
          // Batches may reuse their arrays, so the next batch is requested after this one has been read.
          next = await iterator.next();
          if (next.done && this.pending > 0) this.update();
          const samplesPerSecond = (1000 * samples) / (performance.now() - requested);
          const updated = this.pending === 0;
          const progress: Progress<Metrics> = {
            ...{ epoch, step: ++step, steps, updated },
            ...measured,
            samplesPerSecond,
          };
          runs.set(progress, this);
          this.last = progress;
          if (next.done) {
            const summary: EpochSummary<Metrics> = { epoch, steps: step, ...this.totals.result };
            this.totals = new Totals(metrics);
            if (validation) {
              const { transform } = options;
              const found = await evaluate(model, validation as Dataset, loss, {
                metrics,
                transform,
              });
              summary.validation = progress.validation = found;
              best.see(summary, () => model.stateDict());
            }
            history.epochs.push(summary);
            for (const schedule of schedules) {
              if (schedule.unit === 'epoch') schedule.step(progress.validation);
            }
          }
          if (performance.now() - lastTurn >= TURN_INTERVAL) {
            await events.turn();
            lastTurn = performance.now();
          }
          yield progress;
          requested = performance.now();
        }
        step = 0;
      }
      if (best.weights) model.loadStateDict(best.weights);
    } catch (error) {
      this.failure = { error };
      try {
        await iterator?.return?.();
      } catch {
        // the first error says what went wrong
      }
      iterator = undefined;
      throw error;
    } finally {
      events.close();
      await iterator?.return?.();
    }
  }

  /** Checks the data. */
  private prepare(): Prepared {
    const prepared = prepareData(this.data, this.options);
    const { all } = prepared;
    const { augment, transform } = this.options;
    if (augment !== undefined || transform !== undefined) this.unchecked = all;
    else if (all) checkLastBatch(this.model, all, [all.inputs.shape], all.size);
    return prepared;
  }

  /** The batch that the model and the loss get. */
  private changed(batch: Batch): TransformedBatch {
    const { augment, transform } = this.options;
    let changed: TransformedBatch = batch;
    if (augment) changed = { ...batch, inputs: augment.apply(batch.inputs) };
    if (transform) changed = checkBatch(transform(changed as Batch, true));
    const { unchecked } = this;
    const shapes: Shape[] = [changed.inputs].flat().map((input) => input?.shape);
    if (unchecked && shapes.every(Boolean)) {
      // What the model gets is known now; before, there was nothing to check.
      checkLastBatch(this.model, unchecked, shapes, samplesOf(batch.inputs));
      this.unchecked = undefined;
    }
    return changed;
  }

  /** A step of the optimizer with the mean of the gradients of the batches since the last one. */
  private update(): void {
    const { optimizer, accumulate, schedules, beforeStep, clipNorm, normType } = this.options;
    const { parameters, pending } = this;
    if (pending < accumulate) {
      // Each was scaled by 1 / accumulate.
      for (const { hasGradient, gradPtr, size } of parameters) {
        if (hasGradient) kernels().scaleInPlace(gradPtr, accumulate / pending, 0, size);
      }
    }
    beforeStep?.();
    if (clipNorm !== undefined) clipGradNorm(parameters, clipNorm, { normType });
    optimizer.step();
    this.pending = 0;
    for (const schedule of schedules) if (schedule.unit === 'step') schedule.step();
  }
}

function ownLoss(prediction: unknown): Tensor {
  const value = lossIn(prediction);
  if (value) return value;
  throw new TypeError(
    'fit: loss expected a loss such as new MSELoss(), got undefined: pass one, or return it from forward',
  );
}
