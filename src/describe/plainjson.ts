import { describe, isPlain } from '../tensor/check.ts';
import type { Json } from './json.ts';

/**
 * A copy of a value that JSON can hold.
 *
 * @throws TypeError for anything that it would lose or change: functions, class instances, NaN
 */
export function plainJson(where: string, value: unknown): Json {
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return value;
  if (Number.isFinite(value)) return value as number;
  if (Array.isArray(value)) return value.map((each, i) => plainJson(`${where}[${i}]`, each));
  if (isPlain(value)) {
    const members = Object.entries(value).filter(([, each]) => each !== undefined);
    return Object.fromEntries(
      members.map(([name, each]) => [name, plainJson(`${where}.${name}`, each)]),
    );
  }
  throw new TypeError(`${where}: expected what JSON can hold, got ${describe(value)}`);
}
