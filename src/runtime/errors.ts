/**
 * The errors of dist/. The build puts these constructors in the place of the global ones (scripts/bundle.ts),
 * so that an error's stack begins with the caller's own line: frames in the package's own files are left
 * out. In a bundle they cannot be told from the caller's; there the stack is only longer than usual.
 */

/** The folder of the frame of `make` itself; with node --enable-source-maps, that of its source. */
const HOME = /[^\s(@]*\/(dist(?=\/core\.js:)|src(?=\/runtime\/errors\.ts:))/;

/** A constructor of genuine errors of a kind, for use with `new` and `instanceof`. */
function kind<K extends ErrorConstructor>(Kind: K): K {
  function make(message?: string, options?: ErrorOptions): Error {
    const { stackTraceLimit = 50 } = Error as { stackTraceLimit?: number };
    const limit = (frames: number) =>
      // An assignment would throw where Error is frozen.
      stackTraceLimit < 50 && Reflect.set(Error, 'stackTraceLimit', frames);
    limit(50);
    const error = new Kind(message, options);
    limit(stackTraceLimit);
    const stack = `${error.stack}`;
    const home = HOME.exec(stack)?.[0];
    if (home) {
      const lines = stack.split('\n');
      const foreign = lines.filter(
        (line) => !line.includes(home) && !line.includes('(<anonymous>)'),
      );
      const text = foreign.join('\n');
      if (/:\d+\)?$/m.test(text)) Reflect.set(error, 'stack', text); // else nobody else is on the stack
    }
    return error;
  }
  make.prototype = Kind.prototype;
  return make as unknown as K;
}

const Plain = /* @__PURE__ */ kind(Error);
const OfRange = /* @__PURE__ */ kind(RangeError);
const OfType = /* @__PURE__ */ kind(TypeError);

export { OfRange as RangeError, OfType as TypeError, Plain as Error };
