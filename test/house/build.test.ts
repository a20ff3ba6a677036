/** What the build keeps is never stale, and one file compiles alone. */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { cached, keyOf, mirror } from '../../scripts/cache.ts';
import { listed } from '../../scripts/generate.ts';
import { compileKernels } from '../../scripts/kernels.ts';
import { entriesOf, sourcesNamed } from '../../scripts/sources.ts';

const folder = mkdtempSync('build/tested-');
const inputs = join(folder, 'inputs');
const source = join(inputs, 'a.ts');
const NAME = 'tested';
const kept = () => readdirSync('build/cache').filter((file) => file.startsWith(`${NAME}-`));
const forget = () => {
  for (const entry of kept()) rmSync(join('build/cache', entry), { recursive: true });
};

beforeEach(() => {
  forget();
  rmSync(inputs, { recursive: true, force: true });
  mkdirSync(join(inputs, 'room'), { recursive: true });
  writeFileSync(source, 'one');
  writeFileSync(join(inputs, 'room/b.ts'), 'two');
});
afterAll(() => {
  forget();
  rmSync(folder, { recursive: true });
});

describe('keyOf', () => {
  it('is the same for the same files', () => {
    const key = keyOf([inputs]);
    writeFileSync(source, 'one');
    expect(keyOf([inputs])).toBe(key);
  });

  it.each<[string, () => void]>([
    ['a file changes', () => writeFileSync(join(inputs, 'room/b.ts'), 'twO')],
    ['a file comes', () => writeFileSync(join(inputs, 'room/c.ts'), '')],
    ['a file goes', () => rmSync(source)],
    ['a file moves', () => renameSync(source, join(inputs, 'room/a.ts'))],
    [
      'text moves from one file to the next',
      () => {
        writeFileSync(source, 'on');
        writeFileSync(join(inputs, 'room/b.ts'), 'etwo');
      },
    ],
  ])('is another one when %s', (_, change) => {
    const key = keyOf([inputs]);
    change();
    expect(keyOf([inputs])).not.toBe(key);
  });
});

describe('cached', () => {
  /** The step under test: a copy of the source. Counts how often it ran. */
  let ran = 0;
  const copy = async (out: string): Promise<void> => {
    ran++;
    writeFileSync(join(out, 'copy'), readFileSync(source));
  };
  const make = () => cached(NAME, [inputs], copy);
  const made = async () => readFileSync(join(await make(), 'copy'), 'utf8');
  beforeEach(() => {
    ran = 0;
  });

  it('runs a step once for the same inputs', async () => {
    expect([await made(), await made(), ran]).toEqual(['one', 'one', 1]);
  });

  it('runs it again when an input has changed, and not when it has changed back', async () => {
    const results = [await made()];
    for (const text of ['three', 'one']) {
      writeFileSync(source, text);
      results.push(await made());
    }
    expect([...results, ran]).toEqual(['one', 'three', 'one', 2]);
  });

  it('runs it again when an input changes while it runs', async () => {
    const entry = await cached(NAME, [inputs], async (out) => {
      await copy(out);
      if (ran === 1) writeFileSync(source, 'edited');
    });
    expect(readFileSync(join(entry, 'copy'), 'utf8')).toBe('edited');
    expect(kept()).toEqual([basename(entry)]);
  });

  it('keeps nothing of a step that fails', async () => {
    let unfinished = '';
    const failing = cached(NAME, [inputs], async (out) => {
      unfinished = out;
      await copy(out);
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    expect(existsSync(unfinished)).toBe(false);
    expect(kept()).toEqual([]);
  });

  it('gives two builds at once the same files', async () => {
    const [first, second] = await Promise.all([make(), make()]);
    expect(first).toBe(second);
    expect(readdirSync(first)).toEqual(['copy']);
  });

  it('keeps no more than six results of a step', async () => {
    for (let i = 0; i < 9; i++) {
      writeFileSync(source, `text ${i}`);
      await make();
    }
    expect(kept()).toHaveLength(6);
  });
});

describe('mirror', () => {
  it('makes a folder hold the files of another and no others', () => {
    const target = join(folder, 'target');
    mkdirSync(target);
    writeFileSync(join(target, 'old'), '');
    mirror(inputs, target);
    expect(readdirSync(target, { recursive: true }).sort()).toEqual(['a.ts', 'room', 'room/b.ts']);
    expect(readFileSync(join(target, 'room/b.ts'), 'utf8')).toBe('two');
  });
});

describe('one file of kernels', () => {
  const [file] = sourcesNamed('layernorm');

  it('compiles to a module of its own functions', async () => {
    const outFile = join(folder, 'one.wasm');
    await compileKernels(file!, '--outFile', outFile);
    const module = new WebAssembly.Module(readFileSync(outFile));
    const names = WebAssembly.Module.exports(module).map(({ name }) => name);
    const declared = readFileSync(file!, 'utf8').matchAll(/^export function (\w+)/gm);
    expect(names.sort()).toEqual([...declared].map(([, name]) => name).sort());
    expect(names).not.toEqual([]);
  });

  it('is found by its name, by its path and by its folder', () => {
    for (const name of ['layernorm', file!, file!.replace('assembly/', './assembly/')]) {
      expect(sourcesNamed(name)).toEqual([file]);
    }
    expect(sourcesNamed(file!.split('/').at(-2)!)).toContain(file);
    expect(sourcesNamed('ayernorm')).toEqual([]);
  });

  it('comes with the kernels that import it, and not with what is no kernel', () => {
    expect(entriesOf([file!])).toEqual([file]);
    const entries = entriesOf(sourcesNamed('lanes'));
    expect(entries).toContain(file);
    expect(entries).not.toContain('assembly/lanes.ts');
    for (const list of ['index', 'common', 'extra', 'inspect', 'ops', 'spatial', 'volume', 'all']) {
      expect(entries).not.toContain(`assembly/${list}.ts`);
    }
    expect(entries.every((path) => existsSync(path))).toBe(true);
    expect(listed('assembly/extra.ts')).toContain('layerNormForward');
  });
});
