/** Mutations of files: bytes that are damaged, cut, repeated or exchanged, and hostile numbers and texts. */
import type { TestRandom } from '../../support/random.ts';

type Bytes = Uint8Array<ArrayBuffer>;

/** Changes a file in one way, and says how. */
type Mutation = (file: Bytes, random: TestRandom, others: readonly Bytes[]) => [Bytes, string];

const INTEGERS = [
  ...[0n, 1n, -1n, 127n, 128n, 255n, 32768n, 65535n, 1n << 30n],
  ...[(1n << 31n) - 1n, 1n << 31n, (1n << 32n) - 1n, 1n << 32n],
  ...[(1n << 53n) - 1n, 1n << 53n, (1n << 63n) - 1n, 1n << 63n, (1n << 64n) - 8n],
];

const NUMBERS = [
  ...['0', '-0', '1', '-1', '2', '3', '4', '8', '16', '0.5', '1.5', '-4', '1e3', '65536', '1e9'],
  ...['2147483648', '4294967296', '9007199254740993', '18446744073709551616', '1e308', '1e999'],
  ...['"4"', '"0"', 'null', 'true', '[]', '[4]', '{}', '{"valueOf":4}', 'NaN', '07', '1_0'],
];

const TEXTS = [
  ...['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', '__metadata__', ''],
  ...['F16', 'BF16', 'F64', 'I64', 'BOOL', 'F8_E4M3', '\\u0000', '\\ud800', '0', '-1', '../../x'],
];

const MUTATIONS: Record<string, Mutation> = {
  bit: (file, random) => {
    const at = random.integer(file.length);
    const copy = file.slice();
    copy[at]! ^= 1 << random.integer(8);
    return [copy, `a bit of byte ${at}`];
  },
  byte: (file, random) => {
    const at = random.integer(file.length);
    const copy = file.slice();
    copy[at] = [0, 1, 127, 128, 255, random.integer(256)][random.integer(6)]!;
    return [copy, `byte ${at} is ${copy[at]}`];
  },
  integer: (file, random) => {
    const width = [2, 4, 8][random.integer(3)]!;
    if (file.length < width) return [file, 'nothing'];
    const at = random.integer(file.length - width + 1);
    const little = random.integer(2) === 0;
    const value = INTEGERS[random.integer(INTEGERS.length)]!;
    const copy = file.slice();
    for (let i = 0; i < width; i++) {
      copy[at + (little ? i : width - 1 - i)] = Number((value >> BigInt(8 * i)) & 255n);
    }
    return [copy, `${width} bytes from ${at} are ${value}`];
  },
  cut: (file, random) => {
    const at = random.integer(file.length);
    return [file.slice(0, at), `cut at ${at}`];
  },
  append: (file, random) => {
    const more = Uint8Array.from({ length: 1 + random.integer(16) }, () => random.integer(256));
    return [joined(file, more), `${more.length} bytes more`];
  },
  remove: (file, random) => {
    const [from, to] = range(file, random);
    return [joined(file.subarray(0, from), file.subarray(to)), `without bytes ${from} to ${to}`];
  },
  repeat: (file, random) => {
    const [from, to] = range(file, random);
    return [joined(file.subarray(0, to), file.subarray(from)), `bytes ${from} to ${to} twice`];
  },
  move: (file, random) => {
    const [from, to] = range(file, random);
    const at = random.integer(file.length - (to - from) + 1);
    const copy = file.slice().copyWithin(at, from, to);
    return [copy, `bytes ${from} to ${to} also at ${at}`];
  },
  splice: (file, random, others) => {
    const other = others[random.integer(others.length)]!;
    const [from, to] = range(other, random);
    const at = random.integer(file.length + 1);
    const parts = [file.subarray(0, at), other.subarray(from, to), file.subarray(at)];
    return [joined(...parts), `bytes ${from} to ${to} of another file at ${at}`];
  },
  mark: (file) => [joined(Uint8Array.of(0xef, 0xbb, 0xbf), file), 'a byte order mark'],
  number: (file, random) => {
    const value = NUMBERS[random.integer(NUMBERS.length)]!;
    return replaced(file, random, /-?\d+(\.\d+)?/g, () => value);
  },
  text: (file, random) => {
    const value = TEXTS[random.integer(TEXTS.length)]!;
    return replaced(file, random, /"(?:[^"\\]|\\.)*"/g, () => `"${value}"`);
  },
  name: (file, random) => {
    // One text of the file in the place of another: names that occur twice, wrong references.
    const all = [...latin(file).matchAll(/"(?:[^"\\]|\\.)*"/g)].map(([text]) => text);
    const value = all[random.integer(all.length)] ?? '""';
    return replaced(file, random, /"(?:[^"\\]|\\.)*"/g, () => value);
  },
  long: (file, random) => {
    const length = 1 << (8 + random.integer(10));
    return replaced(file, random, /"(?:[^"\\]|\\.)*"/g, () => `"${'x'.repeat(length)}"`);
  },
  deep: (file, random) => {
    const depth = 1 << (8 + random.integer(9));
    const [open, close] = random.integer(2) ? ['[', ']'] : ['{"a":', '}'];
    const value = open.repeat(depth) + (open === '[' ? '' : '0') + close.repeat(depth);
    return replaced(file, random, /-?\d+|"[^"]*"|\[[^[\]]*\]/g, () => value);
  },
  member: (file, random) =>
    // A member or element again, or gone.
    replaced(file, random, /"[^"]*":\s*(?:"[^"]*"|[\d.]+|\[[^[\]]*\])|,/g, (text) =>
      random.integer(2) ? `${text},${text}` : '',
    ),
};

/** A file that was changed in one to four ways, and what was done to it. */
export function mutated(
  file: Bytes,
  random: TestRandom,
  others: readonly Bytes[],
): [Bytes, string[]] {
  const names = Object.keys(MUTATIONS);
  const steps: string[] = [];
  const count = 1 + Math.floor(random.uniform() * random.uniform() * 4);
  let bytes = file;
  for (let i = 0; i < count && bytes.length > 0; i++) {
    const name = names[random.integer(names.length)]!;
    const [next, step] = MUTATIONS[name]!(bytes, random, others);
    bytes = next;
    steps.push(`${name}: ${step}`);
  }
  return [bytes, steps];
}

function range(file: Bytes, random: TestRandom): [number, number] {
  const from = random.integer(file.length);
  const most = random.integer(2) ? 16 : file.length;
  return [from, Math.min(file.length, from + 1 + random.integer(most))];
}

/** Replaces one of the places in a file that match. */
function replaced(
  file: Bytes,
  random: TestRandom,
  pattern: RegExp,
  by: (text: string) => string,
): [Bytes, string] {
  const places = [...latin(file).matchAll(pattern)];
  const place = places[random.integer(places.length)];
  if (!place) return [file, 'nothing'];
  const [text] = place;
  const value = by(text);
  const parts = [
    file.subarray(0, place.index),
    Uint8Array.from(Buffer.from(value, 'latin1')),
    file.subarray(place.index + text.length),
  ];
  return [joined(...parts), `${text.slice(0, 40)} at ${place.index} is ${value.slice(0, 40)}`];
}

/** The first 64 KiB as a text that has a character for each byte. */
function latin(file: Bytes): string {
  return Buffer.from(file.buffer, file.byteOffset, Math.min(file.length, 65536)).toString('latin1');
}

function joined(...parts: readonly Bytes[]): Bytes {
  return Uint8Array.from(Buffer.concat(parts));
}
