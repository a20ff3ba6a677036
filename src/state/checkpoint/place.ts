/** Places in an epoch: what is stored of a `Batches`, and how an epoch goes on from there. */
import type { Batches } from '../../data/batches.ts';
import { checkInteger } from '../../tensor/check.ts';
import { Generator, type GeneratorState } from '../../tensor/random.ts';

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
