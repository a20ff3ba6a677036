/** What a run of `fit` keeps from step to step, as a checkpoint stores it. */
import { checkInteger, isPlain, unexpected } from '../../tensor/check.ts';
import type { GeneratorState } from '../../tensor/random.ts';
import { sameShape, shapeText } from '../../tensor/shape.ts';
import { Tensor } from '../../tensor/tensor.ts';
import type { EpochSummary } from '../../train/history.ts';
import type { Metrics } from '../../train/metric.ts';
import type { Sums } from '../../train/totals.ts';
import type { Training } from '../../train/training.ts';
import { checkTensors } from './parts.ts';
import { stateOf } from './place.ts';

/** A run between two steps. */
interface RunState {
  readonly epochs: readonly EpochSummary<Metrics>[];
  /** The best epoch's index among them, or −1. */
  readonly best: number;
  readonly score: number;
  readonly bad: number;
  readonly stopped: boolean;
  /** The model in the best epoch, if it is to be restored. */
  readonly weights: Readonly<Record<string, Tensor>> | null;
  readonly sums: Sums;
  /** Batches of an incomplete group, and each parameter's gradient so far. */
  readonly pending: number;
  readonly gradients: readonly (Tensor | null)[];
  /** The generator of `augment`. */
  readonly augment: GeneratorState | null;
}

export function stateOfRun(run: Training): RunState {
  const { history, best, totals, pending, options, parameters } = run;
  const { epochs, stopped } = history;
  return {
    epochs,
    best: history.best ? epochs.indexOf(history.best) : -1,
    ...{ score: best.score, bad: best.bad, stopped },
    weights: best.weights ?? null,
    sums: totals.sums,
    pending,
    gradients: pending > 0 ? parameters.map((p) => (p.hasGradient ? p.grad!.clone() : null)) : [],
    augment: options.augment?.generator?.state ?? null,
  };
}

/**
 * Gives a run that begins the state of one that was stored. All is checked before anything changes.
 *
 * @throws RangeError or TypeError if it is not the state of such a run
 */
export function restoreRun(who: string, run: Training, state: unknown): void {
  if (!isPlain(state)) throw unexpected(`${who}:`, 'the state of a run', state);
  const { epochs, best, score, bad, stopped, weights, sums, pending, gradients, augment } =
    state as unknown as RunState;
  const { options, parameters, model, history } = run;
  if (!isListOfObjects(epochs)) throw unexpected(`${who}: epochs`, 'a list of epochs', epochs);
  checkInteger(who, 'best', best, -1, epochs.length - 1);
  checkInteger(who, 'bad', bad, 0);
  for (const [name, value] of Object.entries({ score, ...numbersIn(who, sums) })) {
    if (typeof value !== 'number') throw unexpected(`${who}: ${name}`, 'a number', value);
  }
  checkTallies(who, sums.tallies, Object.keys(options.metrics).length);
  if (weights !== null) checkTensors(`${who}: weights`, weights, model.stateDict());
  checkInteger(who, 'accumulated batches', pending, 0, options.accumulate - 1);
  checkGradients(who, gradients, pending > 0 ? parameters.map(({ shape }) => shape) : []);
  const drawn = augment === null ? null : stateOf(augment);
  const generator = options.augment?.generator;
  if (!drawn !== !generator) {
    const [with_, without] = ['augment', 'no augment'];
    throw new RangeError(
      `${who}: expected the options of the run, with ${drawn ? with_ : without}, got ${drawn ? without : with_}`,
    );
  }
  history.epochs.push(...epochs);
  history.best = epochs[best];
  history.stopped = stopped === true;
  Object.assign(run.best, { score, bad, weights: weights ?? undefined });
  run.totals.sums = sums;
  run.pending = pending;
  if (pending > 0) options.optimizer.zeroGrad();
  for (const [i, gradient] of gradients.entries()) if (gradient) parameters[i]!.grad = gradient;
  if (drawn) generator!.state = drawn;
}

function isListOfObjects(list: unknown): boolean {
  return Array.isArray(list) && list.every((entry) => isPlain(entry));
}

/** The sums but for the tallies. */
function numbersIn(who: string, sums: unknown): Omit<Sums, 'tallies'> {
  if (!isPlain(sums)) throw unexpected(`${who}: sums`, 'numbers by name', sums);
  const { samples, loss, weight, right, counted } = sums as unknown as Sums;
  return { samples, loss, weight, right, counted };
}

/** @throws RangeError or TypeError unless there is one of numbers for each metric, or none in a new epoch */
function checkTallies(who: string, tallies: unknown, count: number): void {
  if (!Array.isArray(tallies)) throw unexpected(`${who}: metrics`, 'a list', tallies);
  if (tallies.length > 0 && tallies.length !== count) {
    throw new RangeError(`${who}: expected the ${tallies.length} metrics of the run, got ${count}`);
  }
  for (const tally of tallies) {
    const numbers = Array.isArray(tally) && tally.every((term) => typeof term === 'number');
    if (!numbers) throw unexpected(`${who}: metrics`, 'lists of numbers', tally);
  }
}

function checkGradients(who: string, gradients: unknown, shapes: readonly (readonly number[])[]) {
  if (!Array.isArray(gradients) || gradients.length !== shapes.length) {
    throw new RangeError(`${who}: expected the gradients of ${shapes.length} parameters`);
  }
  for (const [i, gradient] of gradients.entries()) {
    if (gradient === null) continue;
    if (!(gradient instanceof Tensor)) throw unexpected(`${who}: gradients`, 'Tensors', gradient);
    if (sameShape(gradient.shape, shapes[i]!)) continue;
    throw new RangeError(
      `${who}: a gradient expected ${shapeText(shapes[i]!)}, got ${shapeText(gradient.shape)}`,
    );
  }
}
