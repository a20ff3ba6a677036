/** The parts of a checkpoint: what is stored of each kind of object, and how it is checked and restored. */
import { Batches } from '../../data/batches.ts';
import { heldBy } from '../../module/held.ts';
import { Module } from '../../module/module.ts';
import { WeightAverage } from '../../optim/ema.ts';
import { Optimizer } from '../../optim/optimizer.ts';
import { Schedule } from '../../optim/schedule.ts';
import { brief, checkInteger, describe, unexpected } from '../../tensor/check.ts';
import { Generator } from '../../tensor/random.ts';
import { sameShape, shapeText } from '../../tensor/shape.ts';
import { Tensor } from '../../tensor/tensor.ts';
import { type BatchesPlace, enter, placeIn, stateOf } from './place.ts';

/** An object whose state a checkpoint can hold. */
export type Part =
  | { stateDict(): unknown; loadStateDict(state: never): unknown }
  | Generator
  | Batches;

/** What is done with a part. */
export interface Handler {
  readonly kind: string;
  /** Parts are restored from the lowest to the highest; see `loadCheckpoint`. */
  readonly order: number;
  /** The state to store. */
  state(): unknown;
  /** What is stored besides, in plain numbers: the generators of a model's layers. */
  more(): unknown;
  /**
   * Checks a stored state as far as that changes nothing.
   *
   * @returns a function that loads it, which may throw as well
   * @throws RangeError or TypeError
   */
  prepare(who: string, state: unknown, more: unknown): () => void;
  /** Takes the present state, and returns a function that restores it. */
  snapshot(): () => void;
}

/** @throws TypeError if a checkpoint cannot hold such an object */
export function handlerOf(who: string, name: string, part: unknown): Handler {
  if (part instanceof Module) return module(part);
  if (part instanceof Generator) return generator(part);
  if (part instanceof Batches) return batches(part);
  if (part instanceof WeightAverage) return average(who, name, part);
  const { stateDict, loadStateDict } = (part ?? {}) as Record<string, unknown>;
  if (typeof stateDict === 'function' && typeof loadStateDict === 'function') {
    return stateful(part as Stateful);
  }
  const kinds = 'a Module, an Optimizer, a Schedule, a Generator, a Batches or another object with';
  throw new TypeError(
    `${who}: ${name} expected ${kinds} stateDict() and loadStateDict(), got ${describe(part)}: ` +
      'put plain values into extra',
  );
}

interface Stateful {
  stateDict(): unknown;
  loadStateDict(state: unknown): unknown;
}

const nothing = () => null;

/** An optimizer, a schedule, a scaler, or an object of the user's. */
function stateful(part: Stateful): Handler {
  const load = (state: unknown) => () => void part.loadStateDict(state);
  const common = { state: () => part.stateDict(), more: nothing };
  if (part instanceof Schedule) {
    // Loading sets learning rates and momentum, which need not be those of the schedule at present.
    const snapshot = () => {
      const restore = load(part.stateDict());
      const groups = part.optimizer.groups.map((group) => ({ ...group }));
      return () => {
        restore();
        for (const [i, group] of part.optimizer.groups.entries()) Object.assign(group, groups[i]);
      };
    };
    return { ...common, kind: 'schedule', order: 0, prepare: (_, state) => load(state), snapshot };
  }
  return {
    ...common,
    kind: part instanceof Optimizer ? 'optimizer' : 'state',
    order: 1,
    prepare: (_, state) => load(state),
    snapshot: () => {
      try {
        return load(part.stateDict());
      } catch {
        return propertiesOf(part); // a scaler without statistics, for example, has no state dict yet
      }
    },
  };
}

/** Returns a function that gives an object its present properties back. */
function propertiesOf(part: object): () => void {
  const own = { ...part };
  return () => {
    for (const key of Object.keys(part)) {
      if (!Object.hasOwn(own, key)) delete (part as Record<string, unknown>)[key];
    }
    Object.assign(part, own);
  };
}

function generator(part: Generator): Handler {
  return {
    kind: 'generator',
    order: 2,
    state: () => part.state,
    more: nothing,
    prepare(_, state) {
      const checked = stateOf(state);
      return () => {
        part.state = checked;
      };
    },
    snapshot() {
      const { state } = part;
      return () => {
        part.state = state;
      };
    },
  };
}

function batches(part: Batches): Handler {
  return {
    kind: 'batches',
    order: 2,
    state: () => placeIn(part),
    more: nothing,
    prepare: (who, state) => enter(who, part, state as BatchesPlace),
    snapshot() {
      const { taken, drawn, entry, generator } = part;
      const state = generator?.state;
      return () => {
        Object.assign(part, { taken, drawn, entry });
        if (generator) generator.state = state!;
      };
    },
  };
}

function average(who: string, name: string, part: WeightAverage): Handler {
  if (part.applied) {
    throw new Error(`${who}: ${name} is applied: call restore() first`);
  }
  return {
    kind: 'average',
    order: 3,
    state: () => part.stateDict(),
    more: nothing,
    prepare(where, state) {
      const { updates, state: tensors } = (state ?? {}) as { updates: number; state: unknown };
      checkInteger(where, 'updates', updates, 0);
      checkTensors(where, tensors, part.stateDict().state);
      return () => part.loadStateDict(state as Parameters<typeof part.loadStateDict>[0]);
    },
    snapshot() {
      const state = part.stateDict();
      return () => part.loadStateDict(state);
    },
  };
}

/** The states of a module's own generators. */
type Draws = readonly (readonly [module: string, state: unknown])[];

function module(part: Module): Handler {
  const generators = () =>
    part
      .namedModules()
      .flatMap(([name, { ...own }]) =>
        [...heldBy(own)].flatMap(([, held]) => (held instanceof Generator ? [{ name, held }] : [])),
      );
  return {
    kind: 'module',
    order: 4,
    state: () => part.stateDict(),
    more: () => generators().map(({ name, held }) => [name, held.state]),
    prepare(who, state, more) {
      checkTensors(who, state, part.stateDict());
      const own = generators();
      const draws = (Array.isArray(more) ? more : []) as Draws;
      const [expected, got] = [own.map(({ name }) => name), draws.map((draw) => String(draw?.[0]))];
      if (expected.join() !== got.join()) {
        throw new RangeError(
          `${who}: expected the generators of [${expected}], got those of [${got.map((name) => brief(name, 60))}]`,
        );
      }
      const states = draws.map((draw) => stateOf(draw[1]));
      return () => {
        part.loadStateDict(state as Parameters<Module['loadStateDict']>[0]);
        for (const [i, { held }] of own.entries()) held.state = states[i]!;
      };
    },
    snapshot() {
      const state = part.stateDict();
      const draws = generators().map(({ held }) => ({ held, state: held.state }));
      return () => {
        part.loadStateDict(state);
        for (const draw of draws) draw.held.state = draw.state;
      };
    },
  };
}

/** @throws RangeError unless names and shapes are those of `own` */
export function checkTensors(
  who: string,
  state: unknown,
  own: Readonly<Record<string, Tensor>>,
): asserts state is Record<string, Tensor> {
  if (typeof state !== 'object' || state === null || Array.isArray(state)) {
    throw unexpected(`${who}:`, 'tensors by name', state);
  }
  const names = Object.keys(own);
  const missing = names.filter((name) => !Object.hasOwn(state, name));
  const strange = Object.keys(state).filter((name) => !Object.hasOwn(own, name));
  for (const [names, what] of [
    [missing, 'missing'],
    [strange, 'unexpected'],
  ] as const) {
    if (names.length === 0) continue;
    const more = names.length > 3 ? ` and ${names.length - 3} more` : '';
    throw new RangeError(
      `${who}: ${what}: ${names
        .slice(0, 3)
        .map((name) => brief(name, 60))
        .join(', ')}${more}`,
    );
  }
  for (const name of names) {
    const found = (state as Record<string, unknown>)[name];
    if (!(found instanceof Tensor)) throw unexpected(`${who}: ${name}`, 'a Tensor', null);
    const { shape } = own[name]!;
    if (!sameShape(found.shape, shape)) {
      throw new RangeError(
        `${who}: ${name} expected ${shapeText(shape)}, got ${brief(shapeText(found.shape))}`,
      );
    }
    // Counters are whole numbers.
    if (name.endsWith('num_batches_tracked')) checkInteger(who, brief(name), found.item(), 0);
  }
}
