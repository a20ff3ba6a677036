/** A thing with `dispose()`. */
interface Disposing {
  dispose(): void;
}

/** What was made in a scope, with what ends it. */
export type Made = Map<object, () => void>;

/** The open scopes (module/scope.ts), innermost last. */
export const scopes: Made[] = [];

/** Tells the innermost open scope of a new thing, which `end` disposes of. */
export function enroll(thing: Disposing, end = () => thing.dispose()): void {
  scopes.at(-1)?.set(thing, end);
}

/** Makes a new thing disposable: by the scope that it is made in, and by `using`. */
export function disposable(thing: Disposing, end?: () => void): void {
  enroll(thing, end);
  usable(thing, thing.dispose);
}

/**
 * Lets `using` end a thing in engines without `Symbol.dispose` (Safari). There, the code that Babel and esbuild
 * generate for `using` looks for `Symbol.for('Symbol.dispose')` instead.
 */
export function usable<T extends object>(thing: T, end: () => void): T {
  return Symbol.dispose
    ? thing
    : Object.defineProperty(thing, Symbol.for('Symbol.dispose'), { value: end });
}

const hidden = /* @__PURE__ */ new WeakMap<object, object[]>();

/** Says that `owner` holds `thing` in a `#private` field, where a scope cannot see it. */
export function holdsHidden(owner: object, thing: object): void {
  hidden.set(owner, [...hiddenIn(owner), thing]);
}

/** What `owner` holds in `#private` fields. */
export function hiddenIn(owner: object): readonly object[] {
  return hidden.get(owner) ?? [];
}
