/** Places in an epoch: what is stored of a `Batches`, and how an epoch goes on from there. */
import { type Batch, Batches } from '../../data/batches.ts';
import { checkInteger } from '../../tensor/check.ts';
import { Generator, type GeneratorState } from '../../tensor/random.ts';
import { type Progress, type Resumption, sources } from '../../train/fit.ts';

/** A place in the data, in plain numbers. */
export interface BatchesPlace {
  /** What the data is told apart by. */
  readonly size: number;
  readonly batchSize: number;
  /** Batches of this epoch so far; 0 between epochs. */
  readonly step: number;
  /** The generator's state before it drew this epoch's order; null between epochs or if nothing is shuffled. */
  readonly drawn: GeneratorState | null;
  /** The generator's present state; null if nothing is shuffled. */
  readonly generator: GeneratorState | null;
}

export function placeIn(batches: Batches, step = batches.taken): BatchesPlace {
  const { size, batchSize, generator, drawn } = batches;
  return {
    size,
    batchSize,
    step,
    drawn: (step > 0 && drawn) || null,
    generator: generator?.state ?? null,
  };
}

/**
 * Checks a place that comes from a file.
 *
 * @returns a function that lets the next iteration over `batches` begin there
 * @throws RangeError if it is a place in other data, or in none
 */
export function enter(who: string, batches: Batches, place: BatchesPlace): () => void {
  const { step, drawn, generator } = place ?? {};
  checkInteger(who, 'step', step, 0, batches.steps);
  const [own, got] = [placeIn(batches), place].map((of) => {
    const count = (n: unknown) => (typeof n === 'number' ? n : 'unknown');
    return `${count(of.size)} ${of.generator ? 'shuffled ' : ''}samples in batches of ${count(of.batchSize)}`;
  });
  if (own !== got) throw new RangeError(`${who}: expected a place in ${own}, got one in ${got}`);
  const from = step > 0 && batches.generator ? stateOf(drawn) : undefined;
  const now = batches.generator ? stateOf(generator) : undefined;
  return () => {
    if (batches.generator) batches.generator.state = now!;
    batches.taken = step;
    batches.drawn = from;
    batches.entry = undefined;
    if (step === 0) return;
    // The order is drawn again by a generator of its own: the data's has gone on since.
    const drawing = from && new Generator();
    if (drawing) drawing.state = from!;
    batches.entry = [step, drawing];
  };
}

/** @throws RangeError or TypeError unless it is a generator's state */
export function stateOf(state: unknown): GeneratorState {
  const generator = new Generator();
  generator.state = state as GeneratorState;
  return generator.state;
}

/** The place of a run of `fit` after a step. */
export interface RunPlace {
  readonly epoch: number;
  readonly step: number;
  readonly batches: BatchesPlace | null;
}

/**
 * @throws TypeError if `progress` is not what `fit` yielded
 * @throws RangeError if there has been a step since
 */
export function placeAfter(who: string, progress: Progress): RunPlace {
  const { epoch, step } = progress ?? {};
  const source = sources.get(progress);
  if (!source) {
    throw new TypeError(`${who}: progress expected the object that fit yielded, got another one`);
  }
  if (!(source instanceof Batches)) return { epoch, step, batches: null };
  // `fit` has asked for the next batch already.
  if (source.taken !== (step === source.steps ? 0 : step + 1)) {
    throw new RangeError(
      `${who}: progress expected that of the last step, got that of step ${step}: save in the loop's body`,
    );
  }
  return { epoch, step, batches: placeIn(source, step) };
}

/** Where `fit` continues; the place is checked except for what the data must be. */
export class Resume implements Resumption {
  readonly epoch: number;
  readonly step: number;
  private readonly batches: BatchesPlace | null;

  constructor(who: string, place: unknown) {
    const { epoch, step, batches = null } = (place ?? {}) as RunPlace;
    checkInteger(who, 'epoch', epoch);
    checkInteger(who, 'step', step);
    this.epoch = epoch;
    this.step = step;
    this.batches = batches;
  }

  start(data: Iterable<Batch>): Iterator<Batch> {
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
    const iterator = data[Symbol.iterator]();
    for (let i = 0; i < this.step; i++) {
      if (!iterator.next().done) continue;
      throw new RangeError(
        `${who}: expected an epoch of at least ${this.step} batches, got one of ${i}`,
      );
    }
    return iterator;
  }
}
