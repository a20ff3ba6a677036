/** Places in a run of `fit`: what is stored of one, and how a run goes on from there. */
import { Batches } from '../../data/batches.ts';
import { checkInteger } from '../../tensor/check.ts';
import { type BatchIterator, type BatchSource, iterate } from '../../train/data.ts';
import type { Progress } from '../../train/history.ts';
import type { Resumption } from '../../train/options.ts';
import { runs, type Training } from '../../train/training.ts';
import { type BatchesPlace, enter, placeIn } from './place.ts';
import { restoreRun } from './run.ts';

/** The place of a run of `fit` after a step. */
export interface RunPlace {
  readonly epoch: number;
  readonly step: number;
  readonly batches: BatchesPlace | null;
}

/**
 * @returns the run and its place
 * @throws TypeError if `progress` is not what `fit` yielded
 * @throws RangeError if there has been a step since
 */
export function placeAfter(who: string, progress: Progress): { place: RunPlace; run: Training } {
  const { epoch, step } = progress ?? {};
  const run = runs.get(progress);
  if (!run) {
    throw new TypeError(`${who}: progress expected the object that fit yielded, got another one`);
  }
  const { source } = run;
  const split = source instanceof Batches;
  // `fit` has asked for the next batch already.
  const taken = split && source.taken !== (step === source.steps ? 0 : step + 1);
  if (run.last !== progress || taken) {
    throw new RangeError(
      `${who}: progress expected that of the last step, got that of step ${step}: save in the loop's body`,
    );
  }
  return { place: { epoch, step, batches: split ? placeIn(source, step) : null }, run };
}

/** Where `fit` continues; the place is checked except for what the data and the options must be. */
export class Resume implements Resumption {
  readonly epoch: number;
  readonly step: number;
  private readonly batches: BatchesPlace | null;

  /** @param state what the run kept; undefined in a file of a version that stored none */
  constructor(
    who: string,
    place: unknown,
    private readonly state: unknown,
  ) {
    const { epoch, step, batches = null } = (place ?? {}) as RunPlace;
    checkInteger(who, 'epoch', epoch);
    checkInteger(who, 'step', step);
    this.epoch = epoch;
    this.step = step;
    this.batches = batches;
  }

  restore(run: object): void {
    if (this.state !== undefined) restoreRun('fit: resume', run as Training, this.state);
  }

  async start(data: BatchSource): Promise<BatchIterator> {
    const who = 'fit: resume';
    if (this.batches && data instanceof Batches) {
      enter(who, data, { ...this.batches, step: this.step })();
      return data[Symbol.iterator]();
    }
    if (this.batches || data instanceof Batches) {
      const [split, other] = ['a data set or a Batches', 'other batches'];
      throw new RangeError(
        `${who}: expected the data of the run, ${this.batches ? split : other}, got ` +
          `${this.batches ? other : split}`,
      );
    }
    const iterator = iterate(data);
    for (let i = 0; i < this.step; i++) {
      if (!(await iterator.next()).done) continue;
      throw new RangeError(
        `${who}: expected an epoch of at least ${this.step} batches, got one of ${i}`,
      );
    }
    return iterator;
  }
}
