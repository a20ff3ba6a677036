/** Checkpoints where each runtime keeps them: in files, in IndexedDB, or, if it has neither, nowhere. */
import {
  Adam,
  BatchNorm1d,
  CrossEntropyLoss,
  Dropout,
  fit,
  Linear,
  manualSeed,
  type Resumption,
  Sequential,
} from 'evenkeel';
import { checkpointStore, loadCheckpoint, saveCheckpoint } from 'evenkeel/state';
import { hashed } from '../../support/hashed.ts';
import { type Check, equal, throws } from './check.ts';

const inBrowser = typeof indexedDB !== 'undefined';
/** Cloudflare's and Vercel's edges keep nothing. */
const onTheEdge =
  'EdgeRuntime' in globalThis || globalThis.navigator?.userAgent === 'Cloudflare-Workers';
const place = () => {
  const name = `evenkeel-check-${Date.now()}-${Math.floor(Math.random() * 1e9)}`;
  return inBrowser ? name : `/tmp/${name}.safetensors`;
};

function run() {
  manualSeed(3);
  const model = new Sequential(
    new Linear(5, 8, { bias: false }),
    new BatchNorm1d(8),
    new Dropout(0.3),
    new Linear(8, 3),
  );
  return { model, optimizer: new Adam(model.parameters(), { lr: 0.01 }) };
}

const data = {
  inputs: { data: Float32Array.from(hashed(6, 100), (u) => u - 0.5), shape: [20, 5] },
  targets: Array.from({ length: 20 }, (_, i) => i % 3),
};

/** Trains for two epochs, or to a step, and gives the checkpoint of the last step. */
async function trained(
  { model, optimizer }: ReturnType<typeof run>,
  steps: number,
  resume?: Resumption,
): Promise<Uint8Array<ArrayBuffer>> {
  const options = { loss: new CrossEntropyLoss(), optimizer, epochs: 2, batchSize: 4, resume };
  let last: Uint8Array<ArrayBuffer> | undefined;
  let count = resume?.step ?? 0;
  for await (const progress of fit(model, data, options)) {
    last = saveCheckpoint({ model, optimizer, progress }, { count: ++count });
    if (count === steps) break;
  }
  return last!;
}

const countOf = (bytes: Uint8Array | undefined) => bytes && loadCheckpoint(bytes).extra.count;

/** Damages the newest checkpoint. */
async function damage(name: string): Promise<void> {
  if (!inBrowser) {
    const { truncate } = await import('node:fs/promises');
    return truncate(name, 50);
  }
  await new Promise<void>((resolve, reject) => {
    const opening = indexedDB.open('evenkeel', 1);
    opening.onerror = () => reject(opening.error);
    opening.onsuccess = () => {
      const transaction = opening.result.transaction('checkpoints', 'readwrite');
      const store = transaction.objectStore('checkpoints');
      const asking = store.get([name, 'newest']);
      asking.onsuccess = () => store.put(new Uint8Array(50), [name, asking.result]);
      transaction.oncomplete = () => {
        opening.result.close();
        resolve();
      };
      transaction.onabort = () => reject(transaction.error);
    };
  });
}

export function storing(): Check[] {
  if (onTheEdge) {
    return [
      [
        'a runtime without files and databases says so',
        async () => {
          const error = await checkpointStore('/tmp/none')
            .read()
            .then(
              () => undefined,
              (reason: Error) => reason.message,
            );
          // workerd may have files that are gone with the request.
          throws(
            () => {
              throw new Error(error ?? 'expected a runtime with');
            },
            Error,
            'expected a runtime with',
          );
        },
      ],
    ];
  }
  return [
    [
      'a stored checkpoint continues a run with the same bits',
      async () => {
        const where = place();
        const whole = await trained(run(), 10);
        await checkpointStore(where).write(await trained(run(), 3));
        const resumed = run();
        manualSeed(99);
        const store = checkpointStore(where);
        const { resume } = loadCheckpoint((await store.read())!, resumed);
        const end = await trained(resumed, 10, resume);
        equal(end.join() === whole.join(), true, 'the bytes of the checkpoints');
        await store.remove();
        equal(await checkpointStore(where).read(), undefined, 'what is left');
      },
    ],
    [
      'the checkpoint before the newest is read if that is damaged, and is not overwritten then',
      async () => {
        const where = place();
        const store = checkpointStore(where);
        equal(await store.read(), undefined, 'before the first');
        const [first, second, third] = await Promise.all([1, 2, 3].map((n) => trained(run(), n)));
        await Promise.all([store.write(first!), store.write(second!)]);
        equal(countOf(await store.read()), 2, 'the newest');
        await damage(where);
        const reasons: string[] = [];
        const other = checkpointStore(where, { onDamage: ({ message }) => reasons.push(message) });
        equal(countOf(await other.read()), 1, 'the one before');
        equal(reasons.length, 1, 'reasons');
        await other.write(third!);
        equal(countOf(await checkpointStore(where).read()), 3, 'the newest after that');
        await damage(where);
        equal(countOf(await checkpointStore(where).read()), 1, 'the one before, still');
        await store.remove();
      },
    ],
  ];
}
