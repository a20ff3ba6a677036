/**
 * Lets `using` dispose of `thing` where the engine has no `Symbol.dispose` yet (Safari): Babel and esbuild
 * then look for this symbol in its place.
 */
export function allowUsing(thing: { dispose(): void }): void {
  if (Symbol.dispose) return;
  Object.defineProperty(thing, Symbol.for('Symbol.dispose'), { value: thing.dispose });
}
