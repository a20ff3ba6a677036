import { BatchNorm } from '../layers/batchnorm/base.ts';
import { heldBy, join } from '../module/held.ts';
import type { Module } from '../module/module.ts';
import { scope } from '../module/scope.ts';
import { brief, checkNumber, checkRecord, describe } from '../tensor/check.ts';
import { optionsOf } from '../tensor/options.ts';
import { Parameter } from '../tensor/parameter.ts';
import { defaultGenerator } from '../tensor/random.ts';
import { sameShape, sizeOf } from '../tensor/shape.ts';
import type { Input } from '../tensor/tensor.ts';
import { type ModelDescription, VERSION } from './json.ts';
import { Place } from './place.ts';
import { Reader } from './reader.ts';

export interface FromJSONOptions {
  /** The state to load, as for `loadStateDict`. The default generator is then left as it was. */
  state?: Readonly<Record<string, Input>>;
  /**
   * How many numbers all parameters and buffers may hold together, so that a short text of a stranger's does not
   * take all memory. Default 2²⁸, a gigabyte; with `state` four times as many as that has.
   */
  limit?: number;
}

const LIMIT = 268435456;

/**
 * Makes the model that `toJSON` described, with new weights: those that its constructors draw from the default
 * generator, so after the same `manualSeed` they are the same. With `{ state }` it has that state.
 *
 * ```ts
 * const model = fromJSON(JSON.parse(text));
 * ```
 *
 * Frozen parameters and statistics are frozen again; `unfreeze()` undoes that. The model is in training mode.
 *
 * @param description what `toJSON` returned, in version 1
 * @throws RangeError for another version, an unknown layer or option, or a value that a layer cannot have; the
 *   message names the place, such as `model.layers[3].options.paddin`. Nothing that was made is kept.
 */
export function fromJSON(
  description: ModelDescription,
  ...rest: [options?: FromJSONOptions | undefined]
): Module {
  return makeModel('fromJSON', description, rest);
}

export function makeModel(
  who: string,
  description: unknown,
  rest: readonly (FromJSONOptions | undefined)[],
): Module {
  const { state, limit } = optionsOf(who, rest, { state: undefined, limit: undefined });
  if (state !== undefined) checkRecord(`${who}: state`, state);
  if (limit !== undefined) checkNumber(who, 'limit', limit, 0);
  const root = rootOf(who, description);
  const most = limit ?? (state === undefined ? LIMIT : 4 * numbersIn(state) + 1024);
  const { state: before } = defaultGenerator;
  let made = false;
  try {
    const model = scope(() => {
      const model = new Reader(most).module(root.at('model'));
      tie(model, root.at('tied'));
      freeze(model, root);
      if (state !== undefined) root.at('model').making(() => model.loadStateDict(state));
      return model;
    });
    made = true;
    return model;
  } finally {
    if (!made || state !== undefined) defaultGenerator.state = before;
  }
}

const MEMBERS = ['format', 'version', 'model', 'frozen', 'frozenStatistics', 'tied'];

function rootOf(who: string, description: unknown): Place {
  const object = typeof description === 'object' && description !== null;
  if (!object || (description as ModelDescription).format !== 'evenkeel') {
    throw new TypeError(
      `${who}: expected a description of a model, as toJSON returns it, got ${describe(description)}` +
        (typeof description === 'string' ? ': JSON.parse it first' : ''),
    );
  }
  const { version } = description as ModelDescription;
  if (version !== VERSION) {
    const newer = typeof version === 'number' && version > VERSION;
    throw new RangeError(
      `${who}: version expected ${VERSION}, got ${describe(version)}` +
        (newer ? ': it was written by a newer evenkeel, update this one' : ''),
    );
  }
  const root = new Root(who, description);
  root.only(MEMBERS, 'not of a description');
  return root;
}

/** The description itself: the paths of what is in it begin without a dot. */
class Root extends Place {
  constructor(who: string, value: unknown) {
    super(who, 'description', value);
  }

  override at(name: string): Place {
    return new Place(this.who, brief(name), super.at(name).value);
  }
}

/** The numbers in a state dict. */
function numbersIn(state: Readonly<Record<string, Input>>): number {
  let sum = 0;
  for (const entry of Object.values(state)) {
    const shape: unknown = entry?.shape;
    sum += Array.isArray(shape) ? sizeOf(shape) : 0;
  }
  return sum;
}

/** Puts the first of two tied parameters in the place of the other, too. */
function tie(model: Module, place: Place): void {
  if (place.value === undefined) return;
  const owners = new Map<string, [owner: object, property: string]>();
  for (const [prefix, module] of model.namedModules()) {
    for (const [name, value] of heldBy(module)) {
      const own = Object.hasOwn(module, name) && value instanceof Parameter;
      if (own) owners.set(join(prefix, name), [module, name]);
    }
  }
  for (const pair of place.list()) {
    const [at, from, ...more] = pair.list();
    if (!at || !from || more.length > 0) throw pair.unexpected('two places of parameters');
    const [target, source] = [owners.get(at.text()), owners.get(from.text())];
    if (!target) throw at.unexpected('the place of a parameter');
    if (!source) throw from.unexpected('the place of a parameter');
    const [old, first] = [target, source].map(([owner, name]) => Reflect.get(owner, name));
    if (!sameShape(old.shape, first.shape)) throw pair.error('expected parameters of one shape');
    Reflect.set(...target, first);
  }
}

function freeze(model: Module, root: Place): void {
  const statistics = root.at('frozenStatistics');
  const frozen = root.at('frozen');
  if (statistics.value !== undefined) {
    const modules = new Map(model.namedModules());
    for (const name of statistics.list()) {
      const norm = modules.get(name.text());
      if (!(norm instanceof BatchNorm)) throw name.unexpected('the name of a batch norm');
      const trained = norm.parameters().filter((parameter) => parameter.requiresGrad);
      norm.freeze({ statistics: true });
      for (const parameter of trained) parameter.requiresGrad = true;
    }
  }
  if (frozen.value !== undefined) {
    const parameters = new Map(model.namedParameters());
    for (const name of frozen.list()) {
      const parameter = parameters.get(name.text());
      if (!parameter) throw name.unexpected('the name of a parameter');
      parameter.requiresGrad = false;
    }
  }
}
