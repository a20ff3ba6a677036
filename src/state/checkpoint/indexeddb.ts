/** Checkpoints in IndexedDB: pages and their Workers. */
import type { Slots } from './slots.ts';

const DATABASE = 'evenkeel';
const STORE = 'checkpoints';

/** A place has two slots, which are written in turn, and an entry that says which of them is the newest. */
type Slot = 0 | 1;

export class IndexedDb implements Slots {
  constructor(private readonly name: string) {}

  private key(part: Slot | 'newest'): IDBValidKey {
    return [this.name, part];
  }

  async *contents(): AsyncGenerator<{ name: string; bytes: Uint8Array<ArrayBuffer> }> {
    const newest = await this.newest();
    if (newest === undefined) return;
    for (const slot of [newest, other(newest)]) {
      const bytes: unknown = await run('readonly', (store) => store.get(this.key(slot)));
      if (bytes instanceof Uint8Array) {
        const which = slot === newest ? 'the newest' : 'the one before';
        yield { name: `${this.name} (${which})`, bytes: bytes as Uint8Array<ArrayBuffer> };
      }
    }
  }

  async replace(bytes: Uint8Array, sound: boolean): Promise<void> {
    const newest = await this.newest();
    // One that is damaged is overwritten, and the one before stays.
    const slot = newest === undefined ? 0 : sound ? other(newest) : newest;
    await run('readwrite', (store) => {
      store.put(bytes.slice(), this.key(slot)); // a copy, because a view would be stored with its whole buffer
      return store.put(slot, this.key('newest'));
    });
  }

  async remove(): Promise<void> {
    await run('readwrite', (store) => {
      for (const part of [0, 1] as const) store.delete(this.key(part));
      return store.delete(this.key('newest'));
    });
  }

  private async newest(): Promise<Slot | undefined> {
    const found: unknown = await run('readonly', (store) => store.get(this.key('newest')));
    return found === 0 || found === 1 ? found : undefined;
  }
}

function other(slot: Slot): Slot {
  return slot === 0 ? 1 : 0;
}

/** Runs one transaction, and returns its request's result when it is complete: on the disk, if it writes. */
async function run<T>(
  mode: 'readonly' | 'readwrite',
  action: (store: IDBObjectStore) => IDBRequest<T>,
): Promise<T> {
  const database = await open();
  try {
    return await new Promise((resolve, reject) => {
      const transaction = database.transaction(STORE, mode, { durability: 'strict' });
      const request = action(transaction.objectStore(STORE));
      transaction.oncomplete = () => resolve(request.result);
      transaction.onabort = () => reject(transaction.error ?? request.error);
    });
  } finally {
    database.close();
  }
}

function open(): Promise<IDBDatabase> {
  if (typeof indexedDB === 'undefined') {
    throw new Error(
      `checkpointStore: expected a runtime with IndexedDB, got none: use { place: 'files' }`,
    );
  }
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(DATABASE, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE);
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
