/** The check of options: one table for each class says their names, their kinds and their defaults. */
import { checkNumber, describe, isPlain, unexpected } from './check.ts';

/**
 * What an option may be and what it is by default: a boolean; a finite number; a pair of finite
 * numbers; one of several strings, the first by default; or `undefined` for what the class itself checks.
 */
type Table<O> = {
  readonly [K in keyof Required<O>]: O[K] | undefined | readonly O[K][];
};

/** The options with their defaults. */
export type Filled<O, T> = {
  -readonly [K in keyof O]-?: K extends keyof T
    ? undefined extends T[K]
      ? O[K] | undefined
      : Exclude<O[K], undefined>
    : never;
};

/**
 * The options that a constructor or function was given, and the defaults of those that it was not. Every
 * option is read once.
 *
 * @param args the arguments from the options on: at most one, an object
 * @throws TypeError for a value that is not an object, for names that are not in the table, for values of
 *   another kind, and for further arguments
 */
export function optionsOf<O extends object, const T extends Table<O> = Table<O>>(
  who: string,
  args: readonly (O | undefined)[],
  table: T & Table<O>,
): Filled<O, T> {
  const [given = {}, ...more]: readonly unknown[] = args;
  const names = Object.keys(table);
  const defaults = table as Record<string, unknown>;
  if (!isPlain(given)) {
    const name = names.find((key) => fits(defaults[key], given));
    const way = name ? `${name}: ${spelled(given)}` : names.join(', ');
    throw new TypeError(
      `${who}: options expected an object, got ${describe(given)}: write { ${way} }`,
    );
  }
  checkCount(who, more);
  for (const name of Object.keys(given)) {
    if (names.includes(name) || given[name] === undefined) continue;
    const near = nearest(name, names);
    throw new TypeError(
      `${who}: unknown option ${name}: ` +
        (near ? `did you mean ${near}?` : `expected ${names.join(', ')}`),
    );
  }
  const options: Record<string, unknown> = {};
  for (const name of names) options[name] = optionOf(who, name, given[name], defaults[name]);
  return options as Filled<O, T>;
}

/** @throws TypeError if there are arguments beyond those that a function takes */
export function checkCount(who: string, more: readonly unknown[]): void {
  const extra = more.find((value) => value !== undefined);
  if (extra === undefined) return;
  throw unexpected(`${who}:`, 'no further argument', extra);
}

/**
 * @param expected what the value is in words: `a Module`
 * @param way what to do instead
 * @throws TypeError unless `value` is an instance of `type`
 */
export function checkInstance(
  what: string,
  value: unknown,
  type: abstract new (...args: never[]) => unknown,
  expected: string,
  way = '',
): void {
  if (value instanceof type) return;
  throw new TypeError(`${what} expected ${expected}, got ${describe(value)}${way}`);
}

/** @throws TypeError unless `signal` is an AbortSignal, or undefined */
export function checkSignal(who: string, signal: AbortSignal | undefined): void {
  if (signal === undefined || typeof signal?.aborted === 'boolean') return;
  throw unexpected(`${who}: signal`, 'an AbortSignal', signal);
}

/** @throws TypeError unless `value` is a function */
export function checkFunction(what: string, value: unknown): void {
  if (typeof value === 'function') return;
  throw unexpected(what, 'a function', value);
}

/** One option, checked: `given`, or its default. */
// biome-ignore lint/suspicious/noExplicitAny: the table says what it is
export function optionOf(who: string, name: string, given: unknown, usual: unknown): any {
  const list: readonly unknown[] = Array.isArray(usual) ? usual : [];
  const pair = typeof list[0] === 'number';
  if (given === undefined) return pair ? usual : (list[0] ?? usual);
  if (typeof usual === 'number') checkNumber(who, name, given as number);
  const lacks = pair
    ? !(Array.isArray(given) && given.length === 2) && `two numbers such as [${list.join(', ')}]`
    : list.length > 0
      ? !list.includes(given) && list.map(spelled).join(' or ')
      : typeof usual === 'boolean' && typeof given !== 'boolean' && 'true or false';
  if (lacks) throw unexpected(`${who}: ${name}`, lacks, given);
  if (!pair) return given;
  const copy = [...(given as number[])];
  for (const value of copy) checkNumber(who, name, value);
  return copy;
}

/** Whether a value that stands where the options belong may be meant as the option with this default. */
function fits(usual: unknown, value: unknown): boolean {
  if (Array.isArray(usual)) return usual.includes(value);
  return (
    typeof value !== 'object' && typeof value === (usual === undefined ? 'number' : typeof usual)
  );
}

function spelled(value: unknown): string {
  return typeof value === 'string' ? `'${value}'` : String(value);
}

/** The name that is meant: the same but for case and underscores, or else at most two letters away. */
export function nearest(name: string, names: readonly string[]): string | undefined {
  const bare = (text: string) => text.replace(/_/g, '').toLowerCase();
  const [a, ...others] = [name, ...names].map(bare);
  for (let edits = 0; edits < 3 && edits < a!.length; edits++) {
    const at = others.findIndex((b) => within(edits, a!, b));
    if (at >= 0) return names[at];
  }
  return undefined;
}

/** Whether so many letters that are added, left out or replaced make one text of the other. */
function within(edits: number, a: string, b: string): boolean {
  if (!a || !b) return (a + b).length <= edits;
  const [restA, restB] = [a.slice(1), b.slice(1)];
  if (a[0] === b[0]) return within(edits, restA, restB);
  if (edits === 0) return false;
  return [
    [restA, restB],
    [restA, b],
    [a, restB],
  ].some(([c, d]) => within(edits - 1, c!, d!));
}
