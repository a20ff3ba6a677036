/** What the checks say, without a test framework: each throws where something is wrong. */
import goldens from 'goldens';
import { difference, type Tolerance } from '../../support/difference.ts';
import { type GoldenCase, revive } from '../../support/stored.ts';

/** A name and what must not throw. A check against goldens returns the objects that it compared. */
export type Check = readonly [name: string, body: () => unknown];

/**
 * The checks of one op: each case of test/goldens/FILE.json that `applies`. A file in ops/ exports them as its
 * default, and is found by being there.
 */
export function ofGoldens(
  file: string,
  compare: (golden: GoldenCase, cases: readonly GoldenCase[]) => object,
  applies: (golden: GoldenCase) => unknown = () => true,
): Check[] {
  const cases: GoldenCase[] = JSON.parse(goldens[file]!, revive);
  return cases.filter(applies).map((golden, i): Check => {
    const title = [`${file} ${i}`, golden.name].filter(Boolean).join(': ');
    return [title, () => compare(golden, cases)];
  });
}

export function close(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: Tolerance,
  what?: string,
): void {
  const found = difference(actual, expected, tolerance, what);
  if (found) throw new Error(found);
}

export function equal(actual: unknown, expected: unknown, what: string): void {
  const [a, e] = [actual, expected].map((value) => JSON.stringify(value));
  if (a !== e) throw new Error(`${what}: expected ${e}, got ${a}`);
}

export function throws(body: () => unknown, kind: new () => Error, message: string): void {
  try {
    body();
  } catch (error) {
    if (error instanceof kind && error.message.includes(message)) return;
    throw new Error(`expected ${kind.name} "…${message}…", got ${error}`);
  }
  throw new Error(`expected ${kind.name} "…${message}…", got no error`);
}
