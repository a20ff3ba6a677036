/** Checkpoints in files: Node, Deno and Bun. */
import type { Slots } from './slots.ts';

/** What is used of node:fs/promises. */
interface FileSystem {
  open(path: string, flags: string): Promise<Handle>;
  readFile(path: string): Promise<Uint8Array<ArrayBuffer>>;
  link(existing: string, path: string): Promise<void>;
  copyFile(from: string, to: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  rm(path: string, options: { force: boolean }): Promise<void>;
}

interface Handle {
  writeFile(bytes: Uint8Array): Promise<void>;
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** What systems and file systems answer that have no hard links, or do not flush folders (Windows). */
const UNSUPPORTED = [
  ...['EPERM', 'EISDIR', 'EACCES', 'EINVAL', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EBADF', 'EMLINK'],
];

const codeOf = (error: unknown) => (error as { code?: unknown } | null)?.code;

/** Ignores what the system does not support. */
function ignoreUnsupported(error: unknown): void {
  if (!UNSUPPORTED.includes(codeOf(error) as string)) throw error;
}

let loading: Promise<FileSystem> | undefined;

/**
 * node:fs/promises. Its name is put together here, so that bundlers for browsers, which have no such module, do
 * not look for it.
 */
function fileSystem(): Promise<FileSystem> {
  const name = ['node:fs', 'promises'].join('/');
  loading ??= import(/* webpackIgnore: true */ /* @vite-ignore */ name).catch((cause) => {
    loading = undefined;
    throw new Error(
      'checkpointStore: expected a runtime with node:fs/promises or with IndexedDB, got neither: store the ' +
        'bytes of saveCheckpoint in a way of your own',
      { cause },
    );
  });
  return loading as Promise<FileSystem>;
}

export class Files implements Slots {
  private readonly before: string;
  private readonly fresh: string;
  private readonly kept: string;

  constructor(private readonly path: string) {
    this.before = `${path}.before`;
    this.fresh = `${path}.new`;
    this.kept = `${path}.kept`;
  }

  async *contents(): AsyncGenerator<{ name: string; bytes: Uint8Array<ArrayBuffer> }> {
    const { readFile } = await fileSystem();
    for (const name of [this.path, this.before]) {
      try {
        yield { name, bytes: await readFile(name) };
      } catch (error) {
        if (codeOf(error) !== 'ENOENT') throw error;
      }
    }
  }

  async replace(bytes: Uint8Array, sound: boolean): Promise<void> {
    const files = await fileSystem();
    try {
      await flushed(files, this.fresh, 'w', (handle) => handle.writeFile(bytes));
    } catch (error) {
      await files.rm(this.fresh, { force: true }).catch(() => {});
      throw error;
    }
    if (sound) await this.keep(files);
    await files.rename(this.fresh, this.path);
    const folder = /^(.*[\\/])/.exec(this.path)?.[1] ?? '.';
    await flushed(files, folder, 'r').catch(ignoreUnsupported);
  }

  /** Makes the newest the one before, while it stays where it is. Each name has a whole file at all times. */
  private async keep({ rm, link, copyFile, rename }: FileSystem): Promise<void> {
    await rm(this.kept, { force: true });
    try {
      await link(this.path, this.kept).catch((error) => {
        ignoreUnsupported(error);
        return copyFile(this.path, this.kept);
      });
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return; // there is no newest
      throw error;
    }
    await rename(this.kept, this.before);
    // Nothing is renamed if both are links to one file, after a process that ended here.
    await rm(this.kept, { force: true });
  }

  async remove(): Promise<void> {
    const { rm } = await fileSystem();
    // The newest goes last, so that a reader never finds the older one alone.
    for (const path of [this.fresh, this.kept, this.before, this.path])
      await rm(path, { force: true });
  }
}

/** Opens a file or a folder, does something with it, and returns when the disk has it. */
async function flushed(
  files: FileSystem,
  path: string,
  flags: string,
  action?: (handle: Handle) => Promise<void>,
): Promise<void> {
  const handle = await files.open(path, flags);
  try {
    await action?.(handle);
    await handle.sync();
  } finally {
    await handle.close();
  }
}
