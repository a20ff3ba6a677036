import { hiddenIn, type Made, scopes } from '../memory/dispose.ts';
import { checkFunction } from '../tensor/options.ts';

/**
 * Calls `body`, disposes of everything that was made during the call and is not returned, and returns what
 * `body` returns. Models, parameters, optimizers, losses and weight averages are disposed of; what they
 * had in linear memory is free again. If `body` throws, all of it is disposed of.
 *
 * ```ts
 * const best = scope(() => {
 *   const models = rates.map((lr) => train(new Net(), lr)); // twenty models, and their optimizers
 *   return fittest(models);                                 // one stays
 * });
 * ```
 *
 * What is returned stays, with all that it holds: a module with its layers, an optimizer with its parameters,
 * a result of `forward` with its model, and whatever arrays, Maps and other objects hold. A function holds
 * nothing: what only a closure or a variable outside refers to is disposed of, and says so when it is
 * used. Things that were made before the call stay as they are, even as a part of a model that is disposed of.
 *
 * Scopes may be nested: what the inner one returns belongs to the outer one.
 *
 * `body` may be async. The scope then ends when its promise settles. JavaScript does not say who makes a thing,
 * so until then everything belongs to the scope, also what other code makes while `body` waits.
 *
 * @throws TypeError if `body` is not a function
 */
export function scope<T>(body: () => T): T {
  checkFunction('scope: body', body);
  const made: Made = new Map();
  scopes.push(made);
  let result: T;
  try {
    result = body();
  } catch (error) {
    close(made);
    throw error;
  }
  const { then } = (result ?? {}) as { then?: unknown };
  if (typeof then !== 'function') {
    close(made, result);
    return result;
  }
  return Promise.resolve(result).then(
    (value) => {
      close(made, value);
      return value;
    },
    (error) => {
      close(made);
      throw error;
    },
  ) as T;
}

/** Disposes of what was made and is not held by `result`. The rest belongs to the scope outside. */
function close(made: Made, result?: unknown): void {
  const at = scopes.indexOf(made);
  const outer = scopes[at - 1];
  scopes.splice(at, 1);
  const kept = heldIn(result);
  // Async scopes may overlap: what this one returns may have been made when a later one was open.
  for (const things of [...scopes.slice(at), made]) {
    for (const [thing, end] of things) {
      if (!kept.has(thing)) continue;
      things.delete(thing);
      outer?.set(thing, end);
    }
  }
  for (const end of made.values()) end();
}

/** All objects that `root` refers to, directly or not. */
function heldIn(root: unknown): Set<unknown> {
  const held = new Set<unknown>();
  const open = [root];
  while (open.length > 0) {
    const value = open.pop();
    if (typeof value !== 'object' || value === null || held.has(value)) continue;
    if (ArrayBuffer.isView(value)) continue;
    held.add(value);
    if (value instanceof Map) open.push(...value.keys());
    if (value instanceof Map || value instanceof Set) open.push(...value.values());
    for (const inside of [...Object.values(value), ...hiddenIn(value)]) open.push(inside);
  }
  return held;
}
