import { Loss } from '../losses/loss.ts';
import { usable } from '../memory/dispose.ts';
import { Module } from '../module/module.ts';
import { Optimizer } from '../optim/optimizer.ts';
import { checkInteger } from '../tensor/check.ts';
import { checkInstance, optionsOf } from '../tensor/options.ts';
import { chooser, type Observation, observation } from './observe.ts';
import type { WatchOptions } from './options.ts';
import type { WatchedStep, WatchReport } from './report.ts';
import { WatchObserver } from './watchobserver.ts';

/** A watch that is going on. */
export interface Watcher extends Observation {
  /** The last watched step; undefined before the first. */
  readonly last: WatchedStep | undefined;
  /** What was seen so far, as plain data of its own, which later steps do not change. */
  report(): WatchReport;
}

/**
 * Collects figures of a model while it trains: how the outputs of each layer are distributed (mean, standard
 * deviation, percentiles, histogram), dead and saturated units, the largest activation of each unit, norms of
 * weights, gradients and updates, and for batch norm γ, β, batch and running statistics and the gap between
 * training and evaluation. Also the model's inputs. `diagnose` turns the report into sentences.
 *
 * ```ts
 * const watcher = watch(model, { every: 10, loss, optimizer });
 * for await (const step of fit(model, data, { loss, optimizer })) {
 *   if (step.step % 50 === 0) draw(watcher.last);        // or postMessage(watcher.report())
 * }
 * for (const { sentence, advice } of diagnose(watcher.report())) console.log(sentence, advice);
 * watcher.stop();
 * ```
 *
 * It sees the training steps of `model.forward` and `model.backward`, in `fit` and in loops of your own; it
 * skips forwards in evaluation mode. Weights, state-dict keys and random numbers are the same bits with and
 * without it. A watched step takes longer, the others do not. It keeps a copy of the weights, to know how far
 * the optimizer has moved them; `stop()` releases it. Reports stay readable.
 *
 * The figures are plain data (see `WatchReport`): post them to another thread as they are, and store them with
 * `reportToJSON`, which keeps NaN and infinities. The series in `history` are as long as `history.steps`, and
 * thinned out evenly when they reach the bound.
 *
 * @param model the module whose `forward` you call
 * @throws RangeError for a name in `layers` that the model lacks, or for an option out of range
 * @throws TypeError for options of another kind, or with names that there are not
 */
export function watch(model: Module, ...rest: [options?: WatchOptions | undefined]): Watcher {
  const options = optionsOf('watch', rest, {
    ...{ layers: undefined, every: 10, bins: 30, sample: undefined, history: 400 },
    ...{ loss: undefined, optimizer: undefined },
  });
  const { layers, every, bins, sample = 4_096, history, loss, optimizer } = options;
  checkInstance('watch: model', model, Module, 'a Module');
  if (typeof loss !== 'function' && loss !== undefined) {
    checkInstance('watch: loss', loss, Loss, 'a loss or a function');
  }
  if (optimizer !== undefined)
    checkInstance('watch: optimizer', optimizer, Optimizer, 'an optimizer');
  checkInteger('watch', 'every', every);
  checkInteger('watch', 'bins', bins);
  if (sample !== Number.POSITIVE_INFINITY) checkInteger('watch', 'sample', sample);
  checkInteger('watch', 'history', history, 2);
  const settings = { every, bins, sample, history, loss, optimizer };
  const choice = chooser(model, layers, 'watch');
  const observer = new WatchObserver(model, choice, layers === undefined, settings);
  const { stop } = observation(model, observer);
  const end = (): void => {
    stop();
    observer.release();
  };
  const watcher = {
    get last() {
      return observer.last;
    },
    report: () => observer.report(),
    stop: end,
    [Symbol.dispose]: end,
  };
  return usable(watcher, end);
}
