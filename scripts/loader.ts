/**
 * Takes from @assemblyscript/loader what the kernels need. Its `demangle` makes classes, namespaces and
 * accessors from the names of a module's exports, and counts the arguments of every call. The kernels are
 * plain functions that take all their arguments, so none of that happens. Without it a kernel's call goes
 * straight into wasm, a bundle is 0.6 kB smaller, and nothing is assigned to `Object.hasOwn` on import.
 */
import { readFileSync } from 'node:fs';
import type { Plugin } from 'esbuild';

/** What stands in the loader's source, and what takes its place. esbuild then drops the dead code. */
const REPLACED: [from: RegExp, to: string][] = [
  [/const utf16 = [^;]+;/, ''],
  [/Object\.hasOwn = [^;]+;\s+};/, ''],
  [/const setArgumentsLength = [^;]+; }\s+:[^;]+;/, ''],
  [/while \(parts\.length > 1\)/, 'if (false)'], // namespace.function
  [/let parts = internalName\.split\("\."\);/, ''],
  [/let curr = extendedExports;/, ''],
  [/let name = parts\[0\];/, ''],
  [/curr\[name\] = elem;/, 'extendedExports[internalName] = elem;'],
  [/let hash = name\.indexOf\("#"\);/, ''],
  [/if \(hash >= 0\)/, 'if (false)'], // Class#method
  [/if \(\/\^\(get\|set\):\/\.test\(name\)\)/g, 'if (false)'], // get:accessor
  [/typeof elem === "function" && elem !== setArgumentsLength/, 'false'],
];

export const loader: Plugin = {
  name: 'loader',
  setup({ onLoad }) {
    onLoad({ filter: /@assemblyscript\/loader\/index\.js$/ }, ({ path }) => {
      let contents = readFileSync(path, 'utf8');
      for (const [from, to] of REPLACED) {
        if (contents.search(from) < 0) throw new Error(`${path} has no ${from}`);
        contents = contents.replace(from, to);
      }
      return { contents };
    });
  },
};
