import { bytesOf } from '../../tensor/bytes.ts';
import { brief, unexpected } from '../../tensor/check.ts';
import { checkFunction, optionsOf } from '../../tensor/options.ts';
import { damageOf } from './checksum.ts';
import { Files } from './files.ts';
import { IndexedDb } from './indexeddb.ts';
import type { Slots } from './slots.ts';

export interface CheckpointStoreOptions {
  /**
   * Where it is: in files (Node, Deno, Bun), or in the IndexedDB of the page's origin (browsers, Workers
   * included). Default: IndexedDB in runtimes that have one, else files.
   */
  place?: 'files' | 'indexedDB';
  /** Called by `read` with the reason if the newest checkpoint is damaged and the one before it is returned. */
  onDamage?: (reason: RangeError) => void;
}

/**
 * A place that keeps the newest checkpoint and the one before it. Whatever happens while one is written (the
 * process is killed, the page is closed, the disk is full), a whole checkpoint can be read afterwards.
 *
 * ```ts
 * const store = checkpointStore('runs/cnn.safetensors');
 * const bytes = await store.read();
 * const resume = bytes && loadCheckpoint(bytes, { model, optimizer }).resume;
 * for await (const progress of fit(model, data, { loss, optimizer, resume })) {
 *   if (progress.step % 100 === 0) await store.write(saveCheckpoint({ model, optimizer, progress }));
 * }
 * ```
 *
 * In files, `where` is the path. A checkpoint is written to a file beside it (`.new`), flushed to the disk and
 * renamed, so that the path always has a whole file; the one before has `.before` behind its name. In IndexedDB,
 * `where` is a name within the page's origin, and a checkpoint is written in one transaction. One
 * program at a time may write to a place.
 *
 * @throws TypeError if `where` is not a path or name
 */
export function checkpointStore(
  where: string,
  ...rest: [options?: CheckpointStoreOptions | undefined]
): CheckpointStore {
  return new CheckpointStore(where, ...rest);
}

/** Stored checkpoints; `checkpointStore` makes it. */
export class CheckpointStore {
  private readonly slots: Slots;
  private readonly damaged: ((reason: RangeError) => void) | undefined;
  /** Ends when all calls so far have. */
  private idle: Promise<unknown> = Promise.resolve();
  /** Whether the newest is known to be whole, or damaged; undefined if it has not been read yet. */
  private sound: boolean | undefined;

  /** @internal Use `checkpointStore`. */
  constructor(where: string, ...rest: [options?: CheckpointStoreOptions | undefined]) {
    const table = { place: undefined, onDamage: undefined };
    const { place = usualPlace(), onDamage } = optionsOf('checkpointStore', rest, table);
    if (typeof where !== 'string' || where === '') {
      throw unexpected('checkpointStore:', 'the path of a file or a name', where);
    }
    if (place !== 'files' && place !== 'indexedDB') {
      throw unexpected('checkpointStore: place', `'files' or 'indexedDB'`, place);
    }
    if (onDamage !== undefined) checkFunction('checkpointStore: onDamage', onDamage);
    this.damaged = onDamage;
    this.slots = place === 'files' ? new Files(where) : new IndexedDb(where);
  }

  /**
   * Stores a checkpoint. Calls run one after the other.
   *
   * @param checkpoint the bytes of `saveCheckpoint`
   * @throws TypeError if these are not bytes
   * @throws RangeError if they are not those of a checkpoint; nothing is written then
   * @throws the error of the file system or the database, if it cannot be written; what was there stays
   */
  async write(checkpoint: ArrayBuffer | ArrayBufferView): Promise<void> {
    const who = 'CheckpointStore.write';
    const bytes = bytesOf(checkpoint);
    if (!bytes) throw unexpected(`${who}:`, 'an ArrayBuffer or Uint8Array', checkpoint);
    const damage = damageOf(bytes);
    if (damage) {
      throw new RangeError(`${who}: expected the bytes of saveCheckpoint, got others: ${damage}`);
    }
    await this.next(async () => {
      if (this.sound === undefined) await this.newest(() => {});
      await this.slots.replace(bytes, this.sound!);
      this.sound = true;
    });
  }

  /**
   * Reads the newest checkpoint, or the one before if the newest is damaged.
   *
   * @returns undefined if there is none
   * @throws RangeError if all that are there are damaged
   */
  read(): Promise<Uint8Array<ArrayBuffer> | undefined> {
    return this.next(async () => {
      const reasons: string[] = [];
      const found = await this.newest((reason) => reasons.push(reason));
      if (!found && reasons.length > 0) {
        throw new RangeError(
          `CheckpointStore.read: expected a whole checkpoint, got none: ${reasons.join('; ')}`,
        );
      }
      for (const reason of reasons)
        this.damaged?.(new RangeError(`CheckpointStore.read: ${reason}`));
      return found;
    });
  }

  /** Removes the checkpoints at this place. */
  remove(): Promise<void> {
    return this.next(async () => {
      this.sound = undefined;
      await this.slots.remove();
    });
  }

  /**
   * The newest that is whole, if there is one.
   *
   * @param damaged is called for each that is damaged and newer
   */
  private async newest(
    damaged: (reason: string) => void,
  ): Promise<Uint8Array<ArrayBuffer> | undefined> {
    this.sound = false;
    let first = true;
    for await (const { name, bytes } of this.slots.contents()) {
      const damage = damageOf(bytes);
      if (first) this.sound = !damage;
      if (!damage) return bytes;
      damaged(`${brief(name)}: ${damage}`);
      first = false;
    }
    return undefined;
  }

  /** Runs `action` after all calls before it, whether they failed or not. */
  private next<T>(action: () => Promise<T>): Promise<T> {
    const result = this.idle.then(action);
    this.idle = result.catch(() => {});
    return result;
  }
}

function usualPlace(): 'files' | 'indexedDB' {
  return typeof indexedDB === 'undefined' ? 'files' : 'indexedDB';
}
