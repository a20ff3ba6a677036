import type { Module } from '../module/module.ts';
import type { Generator } from '../tensor/random.ts';
import type { Json, JsonObject } from './json.ts';
import type { Place } from './place.ts';

// biome-ignore lint/suspicious/noExplicitAny: a class with any constructor
export type Class<M extends Module = Module> = new (...args: any[]) => M;

/** Describes the layers of one model. */
export interface Describing {
  readonly who: string;
  module(layer: Module, path: string): JsonObject;
  generator(generator: Generator): Json | undefined;
}

/** Makes the layers of one description. */
export interface Making {
  module(place: Place): Module;
  generator(place: Place): Generator;
  take(place: Place, numbers: number): void;
}

/** How the layers of one class are described, and made again. */
export interface Entry<M extends Module = Module> {
  /** The class's name in descriptions. A bundler may shorten the class's own. */
  readonly name: string;
  readonly type: Class<M>;
  /** What a layer's description consists of, in addition to its type. */
  write(layer: M, writer: Describing, path: string): JsonObject;
  /** Makes a layer of a description. */
  read(place: Place, reader: Making): M;
}

/** An option that need not be given: its default, and how it is told from a layer. */
type Option<M> = readonly [usual: Json, of: (layer: M) => unknown];

interface Parts<M> {
  /** The positional arguments. */
  readonly args?: Readonly<Record<string, (layer: M) => unknown>>;
  readonly options?: Readonly<Record<string, Option<M>>>;
  /** How many numbers the parameters and buffers hold. */
  readonly size?: (args: readonly unknown[], options: Readonly<Record<string, unknown>>) => number;
}

/** The entry of a layer that its constructor makes of plain arguments and options. */
export function plain<M extends Module>(
  name: string,
  type: Class<M>,
  { args = {}, options = {}, size }: Parts<M> = {},
): Entry<M> {
  const names = Object.keys(args);
  return {
    name,
    type,
    write: (layer) => ({
      ...argsOf(args, layer),
      ...optionsOf(options, layer),
    }),
    read(place, reader) {
      place.only(['type', 'id', 'name', ...memberNames(args, options)], `not of ${name}`);
      const given = readArgs(place, names);
      const chosen = readOptions(place, Object.keys(options), name);
      if (size) reader.take(place, size(given, chosen));
      const last = Object.keys(options).length > 0 ? [chosen] : [];
      return place.making(() => new type(...given, ...last));
    },
  };
}

function memberNames(args: object, options: object): string[] {
  return [
    ...(Object.keys(args).length > 0 ? ['args'] : []),
    ...(Object.keys(options).length > 0 ? ['options'] : []),
  ];
}

function argsOf<M>(args: NonNullable<Parts<M>['args']>, layer: M): JsonObject {
  const values = Object.values(args).map((of) => finite(of(layer)) as Json);
  return values.length > 0 ? { args: values } : {};
}

/** The options that differ from their defaults. */
export function optionsOf<M>(options: NonNullable<Parts<M>['options']>, layer: M): JsonObject {
  const given: Record<string, Json> = {};
  for (const [name, [usual, of]] of Object.entries(options)) {
    const value = finite(of(layer)) as Json | undefined;
    if (value !== undefined && JSON.stringify(value) !== JSON.stringify(usual)) given[name] = value;
  }
  return Object.keys(given).length > 0 ? { options: given } : {};
}

/** What JSON can hold: a text for an infinite number. */
function finite(value: unknown): unknown {
  return value === Infinity || value === -Infinity ? String(value) : value;
}

/** The number that `finite` wrote as a text; any other value is as it was. */
function infinite(value: unknown): unknown {
  return value === 'Infinity' || value === '-Infinity' ? Number(value) : value;
}

/** As many arguments as there are names. */
export function readArgs(place: Place, names: readonly string[]): unknown[] {
  if (names.length === 0) return [];
  const at = place.at('args');
  if (at.value === undefined) throw at.error(`expected [${names.join(', ')}], got nothing`);
  const list = at.list();
  if (list.length !== names.length) {
    throw at.error(`expected [${names.join(', ')}], got ${list.length} arguments`);
  }
  return list.map((each) => infinite(each.plain()));
}

/**
 * The options that are plain values.
 *
 * @param objects names of options that are objects, which the caller reads
 */
export function readOptions(
  place: Place,
  names: readonly string[],
  who: string,
  objects: readonly string[] = [],
): Record<string, unknown> {
  const at = place.at('options');
  if (at.value === undefined) return {};
  at.only([...names, ...objects], `unknown option of ${who}`);
  const given = Object.keys(at.object()).filter((name) => !objects.includes(name));
  return Object.fromEntries(given.map((name) => [name, infinite(at.at(name).plain())]));
}

/** The product of an argument's numbers: of 3, of [3, 5]. NaN, which counts nothing, for anything else. */
export function product(...values: readonly unknown[]): number {
  return values.flat().reduce<number>((all, value) => all * Number(value), 1);
}

/** An entry for each of several classes. */
export function named<C, E>(
  classes: Readonly<Record<string, C>>,
  entry: (name: string, type: C) => E,
) {
  return Object.entries(classes).map(([name, type]) => entry(name, type));
}
