/** What scripts/pack.ts packs, assembly/unpack.ts unpacks to the same bytes. */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { pack } from '../../scripts/pack.ts';
import { COMMON_WASM } from '../../src/generated/common.ts';
import { CORE_WASM } from '../../src/generated/core.ts';
import { EXTRA_WASM } from '../../src/generated/extra.ts';
import { INSPECT_WASM } from '../../src/generated/inspect.ts';
import { OPS_WASM } from '../../src/generated/ops.ts';
import { RELAXED_WASM } from '../../src/generated/relaxed.ts';
import { SPATIAL_WASM } from '../../src/generated/spatial.ts';
import { type Packed, unpack } from '../../src/runtime/unpack.ts';

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
/** A wasm module that holds these bytes, in a section that means nothing. */
const moduleOf = (content: Uint8Array) => {
  const digits = [content.length & 127, content.length >> 7].map((d, i) => (i ? d : d | 128));
  return Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 0, ...digits, ...content);
};
const again = (bytes: Uint8Array) => hex(unpack(pack(bytes)));

describe('pack and unpack', () => {
  it.each([
    ['no bytes', []],
    ['one byte', [0]],
    ['one byte many times', Array(5000).fill(7)],
    ['a period of three', Array.from({ length: 4000 }, (_, i) => [1, 200, 255][i % 3]!)],
    ['every byte', Array.from({ length: 256 }, (_, i) => i)],
    ['bytes without a pattern', Array.from({ length: 3000 }, (_, i) => (i * i * 40503) >>> 8)],
  ])('give back %s', (_, content) => {
    const bytes = moduleOf(Uint8Array.from(content));
    expect(again(bytes)).toBe(hex(bytes));
  });

  it('give back any bytes, also where a carry runs through many digits', () => {
    const chunk = fc.oneof(
      fc.uint8Array({ maxLength: 40 }),
      fc.tuple(fc.nat(255), fc.nat(300)).map(([byte, n]) => new Uint8Array(n).fill(byte)),
    );
    fc.assert(
      fc.property(fc.array(chunk, { maxLength: 12 }), (chunks) => {
        const bytes = moduleOf(Uint8Array.from(Buffer.concat(chunks)));
        expect(again(bytes)).toBe(hex(bytes));
      }),
      { numRuns: 60, seed: 11 },
    );
  });
});

describe.each<[string, Packed]>([
  ['core', CORE_WASM],
  ['extra', EXTRA_WASM],
  ['inspect', INSPECT_WASM],
  ['ops', OPS_WASM],
  ['relaxed', RELAXED_WASM],
  ['common', COMMON_WASM],
  ['spatial', SPATIAL_WASM],
])('the %s module in src/generated', (name, packed) => {
  it('is the compiled one', () => {
    const compiled = readFileSync(new URL(`../../build/${name}.wasm`, import.meta.url));
    expect(hex(unpack(packed)) === hex(compiled)).toBe(true);
  });

  it('is text that no string literal, bundler or encoding has to escape', () => {
    expect(packed.text).toMatch(/^[\x28-\x4a\x61-\x7d]+$/);
    expect(new TextEncoder().encode(packed.text)).toHaveLength(packed.text.length);
  });

  it('takes less than 28 % of its bytes, or 32 % if it is small', () => {
    const share = packed.size > 20_000 ? 0.28 : 0.32; // the packer learns from what it has packed
    expect(packed.text.length * 6).toBeLessThan(packed.size * 8 * share);
  });
});
