/** How one `forward` takes both data and traced tensors. */

/** The key under which `composite`'s Proxy returns the `forward` that the module's author wrote. */
export const AUTHORED = Symbol('forward');

/**
 * The author of a composite writes a `forward` that takes tensors without values. Its users call `forward`
 * with data. Therefore `new` returns a Proxy whose `forward` is always `Module.prototype.forward`, given here as `run`: given
 * data it runs a step, and given traced tensors it calls the author's `forward`. This works whether the
 * author's `forward` is a method, a field or a getter, and for any depth of inheritance.
 */
export function composite<M extends object>(module: M, run: unknown): M {
  return new Proxy(module, {
    get(target, key, self) {
      if (key === 'forward') return run;
      return Reflect.get(target, key === AUTHORED ? 'forward' : key, self);
    },
  });
}
