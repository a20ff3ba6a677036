/** Files of strangers: each is refused with the reason, and takes no more memory than it should. */
import { runInNewContext } from 'node:vm';
import { expect, it } from 'vitest';
import { loadSafetensors, readSafetensors, saveSafetensors } from '../../src/state/index.ts';
import { safetensorsFile } from '../fuzz/files/safetensors.ts';

const floats = (n: number) => new Uint8Array(new Float32Array(n).fill(1.5).buffer);
const entry = (from: number, to: number, shape = [(to - from) / 4]) =>
  `{"dtype":"F32","shape":[${shape}],"data_offsets":[${from},${to}]}`;

/** What the two readers say about a file; it must be the same. */
async function refusal(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const errorOf = async (read: () => unknown): Promise<Error> => {
    try {
      await read();
    } catch (error) {
      return error as Error;
    }
    throw new Error('was read');
  };
  const [a, b] = [
    await errorOf(() => loadSafetensors(bytes)),
    await errorOf(() => readSafetensors([bytes.subarray(0, 3), bytes.subarray(3)])),
  ];
  expect(a).toBeInstanceOf(RangeError);
  expect(b).toBeInstanceOf(RangeError);
  expect(a.message.length).toBeLessThan(600);
  expect(b.message).toMatch(/^readSafetensors: /);
  return a.message;
}

it.each<[string, string, number, RegExp]>([
  ['overlap', `{"a":${entry(0, 8)},"b":${entry(4, 12)}}`, 12, /b: data_offsets.*begin at 8.*got 4/],
  ['the same bytes', `{"a":${entry(0, 8)},"b":${entry(0, 8)}}`, 8, /begin at 8.*got 0/],
  ['a hole', `{"a":${entry(0, 4)},"b":${entry(8, 12)}}`, 12, /begin at 4.*got 8/],
  ['a hole at the start', `{"a":${entry(4, 8)}}`, 8, /begin at 0.*got 4/],
  ['trailing bytes', `{"a":${entry(0, 4)}}`, 5, /something stands behind the tensors/],
  ['no tensors, trailing bytes', '{}', 5, /something stands behind the tensors/],
  ['texts as offsets', `{"a":${entry(0, 4).replace('[0,4]', '["0","4"]')}}`, 4, /got the string 0/],
  ['fractions as offsets', `{"a":${entry(0, 4).replace('0,4', '0.5,4.5')}}`, 4, /number 0.5/],
  ['a fraction as extent', `{"a":${entry(0, 4, [1.5])}}`, 4, /shape.*number 1.5/],
  ['negative offsets', `{"a":${entry(-4, 0, [1])}}`, 4, /got the number -4/],
  ['offsets beyond 2⁵³', `{"a":${entry(0, 1e300, [1])}}`, 4, /number 1e\+300/],
  ['offsets that are no array', `{"a":${entry(0, 4).replace('[0,4]', '{"0":0}')}}`, 4, /a Object/],
  ['three offsets', `{"a":${entry(0, 4).replace('0,4', '0,4,4')}}`, 4, /got 3 offsets/],
  [
    'an overflowing shape',
    `{"a":${entry(0, 4, [2 ** 40, 2 ** 40])}}`,
    4,
    /expected 4\.8\d+e\+24 bytes/,
  ],
  ['other bytes than the shape', `{"a":${entry(0, 8, [1])}}`, 8, /expected 4 bytes, got 8/],
  ['a long shape', `{"a":${entry(0, 8, new Array(5000).fill(1))}}`, 8, /1, … F32 expected 4/],
  ['a name twice', `{"a":${entry(0, 4)},"a":${entry(0, 4)}}`, 4, /the name "a" occurs twice/],
  ['a name twice, escaped', `{"a":${entry(0, 4)},"\\u0061":${entry(0, 4)}}`, 4, /occurs twice/],
  ['dtype twice', `{"a":{"dtype":"F32",${entry(0, 4).slice(1)}}`, 4, /"dtype" occurs twice/],
  ['a byte order mark', `\ufeff{"a":${entry(0, 4)}}`, 4, /begin with \{, got the number 239/],
  ['spaces before', ` {"a":${entry(0, 4)}}`, 4, /begin with \{, got the number 32/],
  ['an unknown dtype', `{"a":${entry(0, 4).replace('F32', '__proto__')}}`, 4, /string __proto__/],
  ['a long dtype', `{"a":${entry(0, 4).replace('F32', 'x'.repeat(1e6))}}`, 4, /x…$/],
  ['a long name', `{"${'a'.repeat(1e6)}":${entry(0, 8, [1])}}`, 8, /aaa….*expected 4 bytes/],
  ['an array', '[]', 0, /begin with \{, got the number 91/],
  ['deep arrays', `{"a":${'['.repeat(1e6)}`, 0, /nested deeper than 3 levels/],
  ['deep objects', `{"a":`.repeat(1e5), 0, /nested deeper than 3 levels/],
  ['half a text', '{"a', 0, /expected JSON/],
  ['a null', '{"a":null}', 0, /a: expected an object, got null/],
  ['metadata of numbers', '{"__metadata__":{"n":3}}', 0, /__metadata__\.n expected a text/],
  ['metadata that is a list', '{"__metadata__":["x"]}', 0, /__metadata__ expected an object/],
])('refuses %s', async (_, header, size, message) => {
  const data = new Uint8Array(size).fill(1);
  expect(await refusal(safetensorsFile(header, data))).toMatch(message);
});

it('refuses a header that is longer than the file, or not UTF-8, and takes no memory for it', async () => {
  const file = safetensorsFile('{}', new Uint8Array(0));
  for (const length of [3n, 100_000_000n, 1n << 32n, (1n << 63n) + 2n, (1n << 64n) - 1n]) {
    new DataView(file.buffer).setBigUint64(0, length, true);
    expect(await refusal(file)).toMatch(/truncated: expected \d+(e\+\d+)? bytes|truncated: /);
  }
  const broken = safetensorsFile(Uint8Array.of(0x7b, 0xff, 0x7d), new Uint8Array(0));
  expect(await refusal(broken)).toContain('not UTF-8');
  expect(await refusal(new Uint8Array(8))).toContain('got no header');
  new DataView(file.buffer).setBigUint64(0, 0n, true);
  expect(await refusal(file)).toContain('got no header');
  expect(await refusal(new Uint8Array(0))).toContain('expected at least 8 bytes, got 0');
});

it('says at which tensor a file is cut', async () => {
  const file = saveSafetensors({ a: { data: [1, 2], shape: [2] }, b: { data: [3], shape: [1] } });
  expect(await refusal(file.slice(0, -1))).toContain(': b: expected a file of at least');
  expect(await refusal(file.slice(0, -5))).toContain(': a: expected a file of at least');
});

it('tells users of torch.save what to do', async () => {
  const zip = Uint8Array.of(0x50, 0x4b, 3, 4, 0, 0, 8, 8, 0, 0, 0, 0);
  const pickle = Uint8Array.of(0x80, 2, 0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8);
  expect(await refusal(zip)).toMatch(/a zip, as torch\.save writes: three lines of Python/);
  expect(await refusal(pickle)).toMatch(/a pickle, as torch\.save wrote before 1\.6: three lines/);
  expect((await refusal(zip)).split('\n')).toHaveLength(4);
});

it('keeps a tensor named __proto__, and others that objects have already', () => {
  const names = ['__proto__', 'constructor', 'toString', '0', ''];
  const state = Object.fromEntries(names.map((name, i) => [name, { data: [i], shape: [1] }]));
  const metadata = Object.fromEntries([['__proto__', 'text']]);
  const { tensors, metadata: kept } = loadSafetensors(saveSafetensors(state, metadata));
  expect(Object.keys(tensors).sort()).toEqual([...names].sort());
  for (const [i, name] of names.entries()) expect(tensors[name]!.item()).toBe(i);
  expect(Object.getPrototypeOf(tensors)).toBe(Object.prototype);
  expect(Object.entries(kept)).toEqual([['__proto__', 'text']]);
  expect(({} as { shape?: unknown }).shape).toBeUndefined();
  const bare = Object.assign(Object.create(null), { a: { data: [1], shape: [1] } });
  expect(saveSafetensors(bare)).toEqual(saveSafetensors({ ...bare }));
  expect(() => saveSafetensors({ __metadata__: { data: [1], shape: [1] } })).toThrow(
    'another name',
  );
});

it('takes buffers of another realm, shared ones, and views of them', () => {
  const file = safetensorsFile(`{"a":${entry(0, 8)}}`, floats(2));
  const shared = new SharedArrayBuffer(file.length);
  new Uint8Array(shared).set(file);
  const foreign = runInNewContext('Uint8Array.from(bytes)', { bytes: [...file] }) as Uint8Array;
  expect(foreign instanceof Uint8Array).toBe(false);
  const odd = new Uint8Array(file.length + 2);
  odd.set(file, 1);
  for (const source of [
    shared,
    new Uint8Array(shared),
    foreign,
    foreign.buffer,
    new DataView(file.buffer),
    odd.subarray(1, -1),
    Buffer.from(file),
  ]) {
    expect([...loadSafetensors(source as ArrayBuffer).tensors.a!.toArray()]).toEqual([1.5, 1.5]);
  }
  const detached = file.slice().buffer;
  structuredClone(detached, { transfer: [detached] });
  expect(() => loadSafetensors(detached)).toThrow('expected at least 8 bytes, got 0');
});
