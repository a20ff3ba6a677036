/** The classes that `toJSON` and `fromJSON` know: the package's own, and those that users register. */
import { Module } from '../module/module.ts';
import { unexpected } from '../tensor/check.ts';
import { checkFunction, checkInstance, optionsOf } from '../tensor/options.ts';
import { batchNorms } from './batchnorm.ts';
import type { Class, Entry } from './entry.ts';
import type { Json, JsonObject } from './json.ts';
import { leaves } from './leaves.ts';
import { nested } from './nested.ts';
import { plainJson } from './plainjson.ts';

/** How a class of your own is described. */
export interface RegisterOptions<M extends Module = Module> {
  /**
   * What the constructor must be given to make the layer again, in plain JSON. By default nothing.
   *
   * @param describe describes a layer inside it, for `fromJSON` to make again
   */
  toJSON?: (layer: M, describe: (layer: Module) => Json) => Json;
  /**
   * Makes the layer of what `toJSON` gave. By default `new Class(data)`, or `new Class()` without data.
   *
   * @param make makes a layer of what `describe` gave
   */
  fromJSON?: (data: Json, make: (description: Json) => Module) => M;
}

interface Registry {
  readonly byName: Map<string, Entry>;
  readonly byClass: Map<unknown, string>;
  readonly own: Set<string>;
}

let registry: Registry | undefined;

/** The table is made when it is first needed: a bundle that does not call this leaves it out. */
export function known(): Registry {
  if (registry) return registry;
  const byName = new Map<string, Entry>();
  for (const entry of [...leaves(), ...batchNorms(), ...nested()]) {
    byName.set(entry.name, entry);
  }
  const byClass = new Map([...byName].map(([name, { type }]) => [type as unknown, name]));
  registry = { byName, byClass, own: new Set(byName.keys()) };
  return registry;
}

/**
 * Lets `toJSON` and `fromJSON` know a layer or composite of your own.
 *
 * ```ts
 * class Block extends Module {
 *   conv: Conv2d;
 *   constructor(readonly channels: number) {
 *     super();
 *     this.conv = new Conv2d(channels, channels, 3, { padding: 1 });
 *   }
 *   override forward(x: Input): Tensor { return this.conv.forward(x); }
 * }
 * register('Block', Block, {
 *   toJSON: ({ channels }) => channels,
 *   fromJSON: (channels) => new Block(channels as number),
 * });
 * ```
 *
 * A class whose constructor takes no arguments needs no functions. Do it in the program that saves and in the
 * one that loads. The name, not the class's own, stands in the description: a bundler may shorten the other.
 *
 * @param name any name that is not that of a layer of the package
 * @throws TypeError if `Class` is not a class of layers; RangeError for a name or class that is registered
 *   with another class or name
 */
export function register<M extends Module>(
  name: string,
  Class: new (...args: never[]) => M,
  ...rest: [options?: RegisterOptions<M> | undefined]
): void {
  if (typeof name !== 'string' || name === '') throw unexpected('register: name', 'a name', name);
  const prototype: unknown = typeof Class === 'function' ? Class.prototype : Class;
  checkInstance(`register: ${name}`, prototype, Module, 'a class that extends Module or Layer');
  const { toJSON, fromJSON } = optionsOf('register', rest, {
    toJSON: undefined,
    fromJSON: undefined,
  });
  if (toJSON !== undefined) checkFunction('register: toJSON', toJSON);
  if (fromJSON !== undefined) checkFunction('register: fromJSON', fromJSON);
  const { byName, byClass, own } = known();
  const before = byName.get(name);
  if (own.has(name) || (before && before.type !== (Class as unknown))) {
    throw new RangeError(`register: expected a name that no other class has, got ${name}`);
  }
  if ((byClass.get(Class) ?? name) !== name) {
    throw new RangeError(`register: ${name}: its class is registered as ${byClass.get(Class)}`);
  }
  byName.set(name, entryOf(name, Class as Class<M>, toJSON, fromJSON));
  byClass.set(Class, name);
}

function entryOf<M extends Module>(
  name: string,
  type: Class<M>,
  toJSON: RegisterOptions<M>['toJSON'],
  fromJSON: RegisterOptions<M>['fromJSON'],
): Entry {
  const entry: Entry<M> = {
    name,
    type,
    write(layer, writer, path): JsonObject {
      const below = `${path}.data`;
      const data = toJSON?.(layer, (inside) => writer.module(inside, below));
      return data === undefined
        ? {}
        : { data: plainJson(`${writer.who}: ${below} (${name})`, data) };
    },
    read(place, reader) {
      place.only(['type', 'id', 'name', 'data'], `not of ${name}`);
      const at = place.at('data');
      const data = at.value as Json;
      const layer: unknown = place.making(() => {
        if (fromJSON) return fromJSON(data, (inside) => reader.module(at.holding(inside)));
        return data === undefined ? new type() : new type(data);
      });
      if (layer instanceof type) return layer;
      throw place.error(`expected a ${name} from fromJSON, got another value`);
    },
  };
  return entry as Entry;
}
