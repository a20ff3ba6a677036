/**
 * Short names in dist/ for what users do not see. The modules in dist/ export the kernels under short names, and
 * the JavaScript calls them by these: a bundle is 0.4 kB smaller, all of evenkeel 1 kB. src/ and its tests
 * have the full names, and so has `evenkeel/kernels`, by the table that takes the place of src/kernels/names.ts.
 */
import { readFileSync } from 'node:fs';
import { transformSync } from 'esbuild';
import { filesOf } from './cache.ts';
import { listed } from './generate.ts';
import { LISTS } from './modules.ts';

/**
 * The short names of the kernels by their full names. A kernel whose name is a single word keeps it, because
 * options and methods have such names, too.
 */
export function kernelNames(): Map<string, string> {
  const full = LISTS.flatMap((list) => [...listed(list)]);
  return new Map(full.filter((name) => /[A-Z]/.test(name)).map((name, i) => [name, shortName(i)]));
}

/**
 * Short names of private members: of those with compound names, as options, platforms and state dicts do not have,
 * that stand only in files that declare them private, and in no string. Layers and modules keep theirs, because
 * their properties are state-dict keys.
 */
export function privateNames(): Map<string, string> {
  const declared = new Map<string, Set<string>>();
  const sources = filesOf('src').filter((file) => /^src\/(?!generated)/.test(file));
  for (const file of sources.filter((file) => !/^src\/(layers|module)\//.test(file))) {
    for (const [, name] of readFileSync(file, 'utf8').matchAll(PRIVATE)) {
      declared.set(name!, (declared.get(name!) ?? new Set()).add(file));
    }
  }
  for (const file of sources) {
    const { code } = transformSync(readFileSync(file, 'utf8'), {
      loader: 'ts',
      minifyWhitespace: true,
    });
    for (const [, quote, name] of code.matchAll(/(["'`]?)\b(\w+)/g)) {
      if (quote || !declared.get(name!)?.has(file)) declared.delete(name!);
    }
  }
  return new Map([...declared.keys()].map((name, i) => [name, shortName(kernelNames().size + i)]));
}

/** A private member with a compound name. */
const PRIVATE = /\bprivate (?:readonly |static |get |set |async )*([a-z]+[A-Z]\w*)/g;

/** `$a0`, `$a1` …: no property of users has such a name. */
function shortName(i: number): string {
  return `$${(360 + i).toString(36)}`;
}

const EXPORTS = 7;

/** A module whose exports have other names. */
export function renameExports(bytes: Buffer, names: ReadonlyMap<string, string>): Buffer {
  let at = 8; // after magic number and version
  const number = (): number => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++]!;
      value |= (byte & 127) << shift;
      if (byte < 128) return value;
    }
  };
  const parts = [bytes.subarray(0, at)];
  while (at < bytes.length) {
    const start = at;
    const id = bytes[at++];
    const end = number() + at;
    if (id === EXPORTS) {
      const content = [encode(number())];
      while (at < end) {
        const length = number();
        const name = bytes.toString('utf8', at, (at += length));
        const renamed = Buffer.from(names.get(name) ?? name);
        const kindAndIndex = at++;
        number();
        content.push(encode(renamed.length), renamed, bytes.subarray(kindAndIndex, at));
      }
      const section = Buffer.concat(content);
      parts.push(Buffer.from([id]), encode(section.length), section);
    } else {
      parts.push(bytes.subarray(start, end));
    }
    at = end;
  }
  return Buffer.concat(parts);
}

/** A number as LEB128. */
function encode(value: number): Buffer {
  const digits: number[] = [];
  for (; value > 127; value >>>= 7) digits.push((value & 127) | 128);
  return Buffer.from([...digits, value]);
}
