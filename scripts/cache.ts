/**
 * The build's cache, by content: build/cache/NAME-KEY holds the files that a step made, and the key is a
 * digest of everything that the step reads. The cache can be deleted at any time.
 */
import { createHash, randomUUID } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';

const CACHE = 'build/cache';

/** How many entries of a name are kept. */
const KEPT = 6;
/** A day in milliseconds. Files left by a build that was killed are removed after it. */
const DAY = 86_400_000;

/** All files in a folder and the folders in it, or the file itself; sorted. */
export function filesOf(path: string): string[] {
  return statSync(path).isDirectory() ? filesIn(path).sort() : [path];
}

function filesIn(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    return entry.isDirectory() ? filesIn(path) : [path];
  });
}

/**
 * A digest of files, and of all files in folders: their paths and their contents. Node's version and the
 * installed packages count too.
 */
export function keyOf(paths: readonly string[]): string {
  const hash = createHash('sha256').update(process.version);
  // npm writes here what is installed, whatever package-lock.json asks for.
  const installed = 'node_modules/.package-lock.json';
  const packages = existsSync(installed) ? installed : 'package-lock.json';
  for (const path of [packages, ...paths].flatMap(filesOf)) {
    const content = readFileSync(path);
    hash.update(`\0${path}\0${content.length}\0`).update(content);
  }
  return hash.digest('hex').slice(0, 32);
}

/**
 * The folder of the files that `make` writes, which runs only if `inputs` (files and folders) have changed
 * since. An entry is moved into the cache by a rename, when it is complete: a build that is killed leaves
 * none, and two builds at the same time make the same entry.
 */
export async function cached(
  name: string,
  inputs: readonly string[],
  make: (folder: string) => Promise<void>,
): Promise<string> {
  mkdirSync(CACHE, { recursive: true });
  for (;;) {
    const key = keyOf(inputs);
    const entry = join(CACHE, `${name}-${key}`);
    if (existsSync(entry)) {
      utimesSync(entry, new Date(), new Date());
      return entry;
    }
    const folder = mkdtempSync(join(CACHE, 'unfinished-'));
    try {
      await make(folder);
      // If an input was edited in the meantime, the step runs again with the new content.
      if (keyOf(inputs) !== key) continue;
      prune(name);
      renameSync(folder, entry);
    } catch (error) {
      if (!existsSync(entry)) throw error; // else another build was faster
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
    return entry;
  }
}

/** Makes room for one more entry of the name. */
function prune(name: string): void {
  const found = readdirSync(CACHE).flatMap((file) => {
    const path = join(CACHE, file);
    const used = statSync(path, { throwIfNoEntry: false })?.mtimeMs;
    return used === undefined ? [] : [{ path, used }];
  });
  const own = found.filter(({ path }) => basename(path).replace(/-[^-]*$/, '') === name);
  own.sort((a, b) => b.used - a.used);
  const dead = found.filter(
    ({ path, used }) => basename(path).startsWith('unfinished-') && Date.now() - used > DAY,
  );
  for (const { path } of [...own.slice(KEPT - 1), ...dead]) {
    rmSync(path, { recursive: true, force: true });
  }
}

/**
 * Writes a file in one step, so that no process reads half of it. If the content is the same it writes
 * nothing, so that watchers do not restart.
 */
export function writeWhole(path: string, content: string | Uint8Array): void {
  if (existsSync(path) && readFileSync(path).equals(Buffer.from(content))) return;
  mkdirSync(dirname(path), { recursive: true });
  // The temporary file is not in the same folder: another build would take it for one of the folder's
  // files.
  const unfinished = join(CACHE, `unfinished-${randomUUID()}`);
  writeFileSync(unfinished, content);
  renameSync(unfinished, path);
}

/** Makes `target` hold the files of `folder` and no others: each is replaced in one step. */
export function mirror(folder: string, target: string): void {
  const names = new Set(filesOf(folder).map((path) => path.slice(folder.length + 1)));
  for (const name of names) writeWhole(join(target, name), readFileSync(join(folder, name)));
  for (const path of filesOf(target)) {
    if (!names.has(path.slice(target.length + 1))) rmSync(path, { force: true });
  }
}
