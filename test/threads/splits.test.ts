/** Which kernels are divided among threads. That each gives the same bits is proved where kernels are tested. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Sources } from '../../scripts/generate.ts';
import { forSharedMemory } from '../../src/threads/sharedmodule.ts';
import { SPLITS } from '../../src/threads/splits.ts';

const { functions }: Sources = JSON.parse(readFileSync('build/signatures.json', 'utf8'));

/** Kernels that take a range and run on the caller all the same. */
const WHOLE: Record<string, string[]> = {
  'returns a sum, whose order is fixed': [
    ...['bceWithLogitsForward', 'crossEntropyForward', 'crossEntropyWeight', 'huberForward'],
    ...['crossEntropySoftForward', 'klDivForward', 'l1Forward', 'mseForward', 'sumOfSquares'],
    'bceForward',
    'sumOfSquaredDifferences',
  ],
  'takes a microsecond: one number a channel': [
    ...['batchNormAffine', 'batchNormAffineBackward', 'batchNormRunning'],
    ...['batchNormUpdateRunning', 'batchNormRenorm', 'batchNormRenormBackward'],
    ...['groupNormAffineBackward', 'instanceNormAverages', 'layerNormAffineBackward'],
    ...['rmsNormAffineBackward', 'preluBackwardWeight'],
  ],
};

describe('the table of divided kernels', () => {
  it('has every kernel that takes a range, but for those that say why', () => {
    const kernels = new WebAssembly.Module(readFileSync('build/strict.wasm'));
    const exported = WebAssembly.Module.exports(kernels).map(({ name }) => name);
    const ranged = exported.filter((name) =>
      functions[name]?.parameters.some(([parameter]) => parameter === 'from'),
    );
    const known = [...Object.keys(SPLITS), ...Object.values(WHOLE).flat()];
    expect(ranged.filter((name) => !known.includes(name))).toEqual([]);
    expect(known.filter((name) => !ranged.includes(name))).toEqual([]);
  });

  it('knows which of them take scratch, and none that returns a number', () => {
    for (const [name, { scratch }] of Object.entries(SPLITS)) {
      const { parameters, result } = functions[name]!;
      const names = parameters.map(([parameter]) => parameter);
      expect(names.slice(scratch ? -3 : -2, scratch ? -1 : undefined), name).toEqual([
        'from',
        'to',
      ]);
      expect(result, name).toBe('void');
    }
  });
});

describe('a module for shared memory', () => {
  it.each(['core', 'extra', 'inspect', 'ops', 'relaxed'])(
    '%s differs in its import alone',
    (name) => {
      const bytes = readFileSync(`build/${name}.wasm`);
      const shared = forSharedMemory(bytes);
      const at = bytes.indexOf('memory') + 7;
      expect(shared.length).toBe(bytes.length + 3);
      expect(Buffer.from(shared.subarray(at, at + 5))).toEqual(Buffer.from([3, 1, 0x80, 0x80, 4]));
      expect(Buffer.from(shared.subarray(at + 5)).equals(bytes.subarray(at + 2))).toBe(true);
      if (!WebAssembly.validate(bytes)) return; // Node 20 has no relaxed SIMD
      const memory = new WebAssembly.Memory({ initial: 1, maximum: 2, shared: true });
      new WebAssembly.Instance(new WebAssembly.Module(shared), { env: { memory } });
      expect(() => {
        new WebAssembly.Instance(new WebAssembly.Module(bytes), { env: { memory } });
      }).toThrow(WebAssembly.LinkError);
    },
  );
});
