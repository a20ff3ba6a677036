/**
 * Short names in dist/ for what users do not see. The modules in dist/ export the kernels under short names, and
 * the JavaScript calls them by these: a bundle is 0.4 kB smaller, all of evenkeel 1 kB. src/ and its tests
 * have the full names, and so has `evenkeel/kernels`, by the table that takes the place of src/kernels/names.ts.
 */
import { listed } from './generate.ts';

/**
 * The short names of the kernels by their full names. A kernel whose name is a single word keeps it, because
 * options and methods have such names, too.
 */
export function kernelNames(): Map<string, string> {
  const full = [...listed('assembly/index.ts'), ...listed('assembly/extra.ts')];
  return new Map(full.filter((name) => /[A-Z]/.test(name)).map((name, i) => [name, shortName(i)]));
}

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
