import { link, mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Generator } from '../../src/index.ts';
import { checkpointStore, loadCheckpoint, saveCheckpoint } from '../../src/state/index.ts';
import { killed } from './killed/kill.ts';

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'store-'));
  path = join(folder, 'run.safetensors');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const checkpoint = (n: number) => saveCheckpoint({ generator: new Generator(n) }, { n });
const numberOf = (bytes: Uint8Array | undefined) => bytes && loadCheckpoint(bytes).extra.n;
const inFile = async (name: string) => numberOf(await readFile(name));

describe('checkpointStore in files', () => {
  it('keeps the newest and the one before, and nothing else', async () => {
    const store = checkpointStore(path);
    expect(await store.read()).toBeUndefined();
    for (let n = 1; n <= 4; n++) {
      await store.write(checkpoint(n));
      expect(numberOf(await store.read())).toBe(n);
      expect(await inFile(path)).toBe(n);
      if (n > 1) expect(await inFile(`${path}.before`)).toBe(n - 1);
    }
    expect((await readdir(folder)).sort()).toEqual(['run.safetensors', 'run.safetensors.before']);
    expect(numberOf(await checkpointStore(path).read())).toBe(4);
    await store.remove();
    expect(await readdir(folder)).toEqual([]);
    expect(await store.read()).toBeUndefined();
  });

  it('runs calls one after the other', async () => {
    const store = checkpointStore(path);
    const [, , read] = await Promise.all([
      ...[1, 2].map((n) => store.write(checkpoint(n))),
      store.read(),
      store.write(checkpoint(3)),
    ]);
    expect(numberOf(read as Uint8Array)).toBe(2);
    expect(await inFile(path)).toBe(3);
    expect(await inFile(`${path}.before`)).toBe(2);
  });

  it.each<[string, () => Promise<unknown>]>([
    ['cut off', () => truncate(path, 100)],
    ['empty', () => truncate(path, 0)],
    ['gone', () => rm(path)],
    ['another file', () => writeFile(path, 'something else')],
    [
      'with a bit that is changed',
      async () => {
        const bytes = await readFile(path);
        bytes[bytes.length - 30]! ^= 4;
        await writeFile(path, bytes);
      },
    ],
  ])('reads the one before if the newest is %s', async (what, damage) => {
    const store = checkpointStore(path);
    await store.write(checkpoint(1));
    await store.write(checkpoint(2));
    await rm(`${path}.before`); // not the same file as the newest
    await writeFile(`${path}.before`, checkpoint(1));
    await damage();
    const reasons: string[] = [];
    const other = checkpointStore(path, { onDamage: ({ message }) => reasons.push(message) });
    expect(numberOf(await other.read())).toBe(1);
    expect(reasons).toHaveLength(what === 'gone' ? 0 : 1);
    for (const reason of reasons) expect(reason).toMatch(/^CheckpointStore.read: .*checksum/);
    // The one before is not overwritten by the one that is damaged.
    await other.write(checkpoint(3));
    expect(await inFile(`${path}.before`)).toBe(1);
    expect(numberOf(await other.read())).toBe(3);
  });

  it('does not overwrite the one before by a damaged one if it was not asked to read', async () => {
    await writeFile(`${path}.before`, checkpoint(1));
    await writeFile(path, 'damaged');
    await checkpointStore(path).write(checkpoint(3));
    expect(await inFile(`${path}.before`)).toBe(1);
    expect(await inFile(path)).toBe(3);
  });

  it('says so if all are damaged', async () => {
    await writeFile(path, 'a');
    await writeFile(`${path}.before`, 'b');
    await expect(checkpointStore(path).read()).rejects.toThrow(
      /^CheckpointStore.read: expected a whole checkpoint, got none: .*no checksum.*no checksum/,
    );
  });

  it('continues after a process that ended between two of its steps', async () => {
    const store = checkpointStore(path);
    await store.write(checkpoint(1));
    await writeFile(`${path}.new`, 'half'); // ended while it wrote
    await checkpointStore(path).write(checkpoint(2));
    await rm(`${path}.before`);
    await link(path, `${path}.before`); // ended before it renamed
    await checkpointStore(path).write(checkpoint(3));
    expect([await inFile(path), await inFile(`${path}.before`)]).toEqual([3, 2]);
  });

  it('refuses what is not a checkpoint, and keeps what is there', async () => {
    const store = checkpointStore(path);
    await store.write(checkpoint(1));
    await expect(store.write(new Uint8Array(9))).rejects.toThrow(
      'CheckpointStore.write: expected the bytes of saveCheckpoint, got others',
    );
    await expect(store.write('text' as never)).rejects.toThrow(TypeError);
    await expect(store.write(checkpoint(2).subarray(1))).rejects.toThrow(RangeError);
    expect(numberOf(await store.read())).toBe(1);
  });

  it('gives the error of the file system, and goes on afterwards', async () => {
    const missing = checkpointStore(join(folder, 'no/such/folder.safetensors'));
    await expect(missing.write(checkpoint(1))).rejects.toThrow('ENOENT');
    expect(await missing.read()).toBeUndefined();
    await expect(checkpointStore(folder).read()).rejects.toThrow('EISDIR');
    const store = checkpointStore(path);
    await store.write(checkpoint(1));
    await rm(folder, { recursive: true });
    await expect(store.write(checkpoint(2))).rejects.toThrow('ENOENT');
    await writeFile(folder, 'a file where the folder was');
    await expect(store.write(checkpoint(2))).rejects.toThrow('ENOTDIR');
    expect((await stat(folder)).isFile()).toBe(true);
  });

  it('refuses other places', () => {
    expect(() => checkpointStore('')).toThrow(
      'checkpointStore: expected the path of a file or a name',
    );
    expect(() => checkpointStore(path, { place: 'cloud' as never })).toThrow(
      `'files' or 'indexedDB'`,
    );
    const nowhere = checkpointStore('x', { place: 'indexedDB' });
    return expect(nowhere.read()).rejects.toThrow('expected a runtime with IndexedDB, got none');
  });
});

it('a run that is killed 8 times loses nothing that was stored, and has the same bits', async () => {
  const { steps, halfWritten } = await killed(8, 1);
  expect(steps).toBeGreaterThan(3);
  expect(halfWritten).toBeGreaterThan(0); // kills that hit a write
});
