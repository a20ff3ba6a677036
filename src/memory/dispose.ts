/**
 * Makes `using` work on `thing` in engines without `Symbol.dispose` (Safari). There, the code that Babel
 * and esbuild generate for `using` looks for `Symbol.for('Symbol.dispose')` instead.
 */
export function allowUsing(thing: { dispose(): void }): void {
  if (Symbol.dispose) return;
  Object.defineProperty(thing, Symbol.for('Symbol.dispose'), { value: thing.dispose });
}
