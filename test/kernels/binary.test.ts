/** Reads the compiled module: it must hold nothing that threads would share or write twice. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { kernelsModule } from '../../scripts/generate.ts';

/** Section ids of the WebAssembly binary format, section 5.5. */
const SECTIONS: Record<number, string> = {
  0: 'custom',
  1: 'type',
  2: 'import',
  3: 'function',
  4: 'table',
  5: 'memory',
  6: 'global',
  7: 'export',
  8: 'start',
  9: 'element',
  10: 'code',
  11: 'data',
  12: 'dataCount',
};

/** Each section's name and, for those that are lists, its number of entries (below 128 here). */
function sectionsOf(bytes: Uint8Array): Map<string, number> {
  const found = new Map<string, number>();
  let at = 8; // magic and version
  while (at < bytes.length) {
    const id = bytes[at++]!;
    let size = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++]!;
      size |= (byte & 127) << shift;
      if (byte < 128) break;
    }
    found.set(SECTIONS[id] ?? String(id), bytes[at]!);
    at += size;
  }
  return found;
}

describe.each([
  'strict',
  'core',
  'common',
  'extra',
  'inspect',
  'ops',
  'spatial',
  'volume',
  'relaxed',
])('the %s module', (build) => {
  const bytes = readFileSync(new URL(`../../build/${build}.wasm`, import.meta.url));

  it('has types, one import, functions, exports and code, and nothing else', () => {
    const sections = sectionsOf(bytes);
    expect([...sections.keys()]).toEqual(['type', 'import', 'function', 'export', 'code']);
    expect(sections.get('import')).toBe(1);
  });
});

describe('elementwise operations', () => {
  const text = readFileSync(new URL('../../build/strict.wat', import.meta.url), 'utf8');
  const functions = text.split(/\n (?=\(func )/).slice(1);

  it('are inlined: no method of a class is left as a function', () => {
    const names = functions.map((code) => /^\(func \$(\S+)/.exec(code)![1]!);
    expect(names.filter((name) => name.includes('#'))).toEqual([]);
  });

  it('of activations call nothing but loads and stores of tails', () => {
    const of = functions.filter((code) => code.startsWith('(func $assembly/activation/'));
    const elementwise = of.filter((code) => !/^\S+ \S+\/(softmax|prelu|softplus)\//.test(code));
    expect(elementwise.length).toBeGreaterThan(15);
    const called = elementwise.flatMap((code) => [...code.matchAll(/\bcall \$(\S+)/g)]);
    expect([...new Set(called.map(([, name]) => name))].sort()).toEqual([
      'assembly/lanes/loadPartial',
      'assembly/lanes/storePartial',
    ]);
  });
});

describe('the strict module', () => {
  it('imports env.memory alone and exports functions alone', () => {
    const module = new WebAssembly.Module(
      readFileSync(new URL('../../build/strict.wasm', import.meta.url)),
    );
    expect(WebAssembly.Module.imports(module)).toEqual([
      { module: 'env', name: 'memory', kind: 'memory' },
    ]);
    for (const { kind } of WebAssembly.Module.exports(module)) expect(kind).toBe('function');
  });
});

describe.each(['strict', 'relaxed'])('the %s module', (build) => {
  it('asks for a first page of memory', () => {
    // Engines that check bounds in code (Deno's V8) then know that offsets lie inside, and check one
    // thing less an access: batch norm takes 12 % less there. The byte after the import's kind and flag.
    const bytes = readFileSync(new URL(`../../build/${build}.wasm`, import.meta.url));
    const at = bytes.indexOf('\x03env\x06memory\x02');
    expect(bytes[at + 13]).toBe(1);
  });
});

describe('src/generated/kernels.ts', () => {
  it('is what the sources and the compiled module say', () => {
    const sources = JSON.parse(
      readFileSync(new URL('../../build/signatures.json', import.meta.url), 'utf8'),
    );
    const written = readFileSync(
      new URL('../../src/generated/kernels.ts', import.meta.url),
      'utf8',
    );
    expect(written).toBe(kernelsModule(sources));
    const module = new WebAssembly.Module(
      readFileSync(new URL('../../build/strict.wasm', import.meta.url)),
    );
    for (const { name } of WebAssembly.Module.exports(module)) {
      expect(written).toContain(`  ${name}(`);
    }
  });
});
