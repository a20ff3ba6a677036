/** Short names in dist/ (scripts/names.ts) stand for kernels and private members, and for nothing else. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { filesOf } from '../../scripts/cache.ts';
import { listed } from '../../scripts/generate.ts';
import { LISTS } from '../../scripts/modules.ts';
import { kernelNames, privateNames, renameExports } from '../../scripts/names.ts';

const kernels = kernelNames();

describe('short names', () => {
  it('are unique', () => {
    const all = [...kernels.values(), ...privateNames().values()];
    expect(new Set(all).size).toBe(all.length);
  });

  it('of kernels replace no other property of that name', () => {
    const others = filesOf('src').flatMap((file) => {
      const accesses = readFileSync(file, 'utf8').matchAll(/(\S*?)\.(\w+)\b/g);
      const named = [...accesses].filter(([, , name]) => kernels.has(name!));
      return named.filter(
        ([, object]) =>
          !/(\bkernels\(\)|\bextra\(\)|\binspectKernels\(\)|\bops\(\)|\bspatial\(\)|\bvolume\(\)|\bcommon\(\)|\bk)$/.test(
            object!,
          ),
      );
    });
    expect(others.map(([access]) => access)).toEqual([]);
  });

  it('of exports leave the rest of a module as it is', () => {
    const bytes = readFileSync('build/core.wasm');
    const back = new Map([...kernels].map(([name, short]) => [short, name]));
    const renamed = renameExports(bytes, kernels);
    expect(renamed.length).toBeLessThan(bytes.length);
    expect(renameExports(renamed, back).equals(bytes)).toBe(true);
  });

  it('are not those of evenkeel/kernels', async () => {
    const { kernels: raw } = await import('../../dist/kernels.js' as string);
    const full = LISTS.flatMap((list) => [...listed(list)]);
    expect(Object.keys(raw()).sort()).toEqual(full.sort());
  });
});
