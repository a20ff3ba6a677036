/** Whatever is sent to a page or a Worker: the promise settles with an error that says what came, and the next training works. */
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { Tensor } from '../../src/index.ts';
import { type Setup, serve, type TrainingRun, train, WorkerError } from '../../src/worker/index.ts';
import { plainError, readReply } from '../../src/worker/messages.ts';

const channels: MessageChannel[] = [];
afterEach(() => {
  for (const { port1, port2 } of channels.splice(0)) {
    port1.close();
    port2.close();
  }
});

function channel(): MessageChannel {
  const made = new MessageChannel();
  channels.push(made);
  return made;
}

/** A run that takes `end` steps and has one weight: how far it came. */
function counting(end: number, pause = 0): Setup<unknown, { step: number }> {
  return () => {
    let step = 0;
    const model = { stateDict: () => ({ step: Tensor.from(step) }) };
    async function* progress() {
      if (pause) await new Promise((resolve) => setTimeout(resolve, pause));
      while (step < end) yield { step: ++step };
    }
    return { model, progress: progress() };
  };
}

async function expectNextTraining(port: MessagePort): Promise<void> {
  const run = train<{ step: number }>(port, null);
  const seen: number[] = [];
  for await (const { step } of run) seen.push(step);
  expect(seen).toEqual([1, 2, 3]);
  expect((await run.stateDict).step!.item()).toBe(3);
}

/** A run whose Worker is the test: it may `reply` with what it likes. */
async function started(): Promise<{
  run: TrainingRun;
  number: number;
  reply: (message: unknown) => void;
  page: MessagePort;
  worker: MessagePort;
}> {
  const { port1: page, port2: worker } = channel();
  const heard = new Promise<number>((resolve) => {
    worker.onmessage = ({ data }) => resolve(data.run);
  });
  const run = train(page, null);
  const number = await heard;
  worker.onmessage = null;
  return { run, number, page, worker, reply: (message) => worker.postMessage(message) };
}

/** Until the other end has got what was sent. */
const delivered = () => new Promise((resolve) => setTimeout(resolve, 5));

const WEIGHT = { data: Float32Array.of(3), shape: [] as number[] };

/** Replies that are not what they say, by what is said of them. */
const FAULTS: [string, object, RegExp][] = [
  ['progress without steps', { evenkeel: 'progress' }, /'progress' message: steps: it is missing/],
  ['steps that are a number', { evenkeel: 'progress', steps: 3 }, /an array, got the number 3/],
  ['steps that are null', { evenkeel: 'progress', steps: null }, /an array, got null/],
  ['weights that are missing', { evenkeel: 'done' }, /'done' message: state: it is missing/],
  ['weights that are null', { evenkeel: 'done', state: null }, /an object, got null/],
  ['weights that are text', { evenkeel: 'done', state: 'w' }, /an object, got the string w/],
  ['a weight that is null', { evenkeel: 'done', state: { w: null } }, /an object, got null/],
  ['no shape', { evenkeel: 'done', state: { w: { data: WEIGHT.data } } }, /got undefined/],
  ['no data', { evenkeel: 'done', state: { w: { shape: [1] } } }, /w expected \[1\] .*undefined/],
  [
    'half of the data',
    { evenkeel: 'done', state: { w: { data: new Float32Array(2), shape: [2, 2] } } },
    /w expected \[2, 2\] float32 numbers, got 2/,
  ],
  [
    'data of another type',
    { evenkeel: 'snapshot', state: { w: { data: new Float64Array(2), shape: [2] } } },
    /w expected \[2\] float32 numbers, got a Float64Array/,
  ],
  [
    'a shape with −1',
    { evenkeel: 'done', state: { w: { data: new Float32Array(2), shape: [-1, -2] } } },
    /w: expected whole extents/,
  ],
  ['an error without words', { evenkeel: 'error', error: {} }, /expected text, got undefined/],
  ['an error that is null', { evenkeel: 'error', error: null }, /an object, got null/],
  [
    'an error whose name is a number',
    { evenkeel: 'error', error: { name: 7, message: '', stack: '' } },
    /expected text, got the number 7/,
  ],
];

/** What anybody may send on the same port, for the run of this number. */
const OTHERS = (run: number): unknown[] => [
  undefined,
  null,
  7,
  'done',
  [],
  {},
  { evenkeel: 'done' },
  { evenkeel: 'done', run: String(run), state: {} },
  { evenkeel: 'done', run: run + 0.5, state: {} },
  { evenkeel: 'done', run: run + 1, state: {} },
  { evenkeel: 'done', run: Number.NaN, state: null },
  { evenkeel: 'toString', run },
  { evenkeel: '__proto__', run },
  { evenkeel: ['done'], run },
  { evenkeel: 'train', run, data: null },
  { evenkeel: { done: true }, run, state: {} },
  new Map([['evenkeel', 'done']]),
];

describe('a page that gets', () => {
  it.each(FAULTS)('%s: says so, and the next training works', async (_, fault, says) => {
    const { run, number, reply, page, worker } = await started();
    const snapshot = run.snapshot();
    reply({ run: number, ...fault });
    const error = await run.stateDict.catch((e) => e);
    expect(error).toBeInstanceOf(WorkerError);
    expect(error.message).toMatch(/^train: the Worker sent a bad '/);
    expect(error.message).toMatch(says);
    await expect(snapshot).rejects.toBe(error);
    serve(counting(3), worker);
    await expectNextTraining(page);
  });

  it('messages of others: leaves them alone', async () => {
    const { run, number, reply } = await started();
    for (const other of OTHERS(number)) reply(other);
    reply({ evenkeel: 'done', run: number, state: { step: WEIGHT } });
    expect((await run.stateDict).step!.item()).toBe(3);
  });

  it('replies twice, unasked and after the end: takes the first', async () => {
    const { run, number, reply, page, worker } = await started();
    const state = { step: WEIGHT };
    reply({ evenkeel: 'snapshot', run: number, state });
    for (let i = 0; i < 2; i++) reply({ evenkeel: 'done', run: number, state });
    reply({ evenkeel: 'progress', run: number, steps: [1] });
    const error = { name: 'Error', message: 'late', stack: '' };
    reply({ evenkeel: 'error', run: number, error });
    expect((await run.stateDict).step!.item()).toBe(3);
    serve(counting(3), worker);
    await expectNextTraining(page);
  });

  it.each(['toString', 'constructor', '__proto__', 'hasOwnProperty', ''])(
    'an error named %j: throws it under its name',
    async (name) => {
      const { run, number, reply } = await started();
      reply({ evenkeel: 'error', run: number, error: { name, message: 'm', stack: 's' } });
      const error = await run.stateDict.catch((e) => e);
      expect(error).toBeInstanceOf(Error);
      expect([error.name, error.message, error.stack]).toEqual([name, 'm', 's']);
    },
  );

  it('a weight named __proto__: has it', () => {
    const state = JSON.parse('{ "__proto__": {} }');
    Object.assign(
      Reflect.get(Object.getOwnPropertyDescriptor(state, '__proto__')!, 'value'),
      WEIGHT,
    );
    const reply = readReply({ evenkeel: 'done', run: 1, state });
    expect(reply).toHaveProperty('evenkeel', 'done');
    expect(Object.keys((reply as { state: object }).state)).toEqual(['__proto__']);
  });

  it('a message that it cannot read: says so, and the next training works', async () => {
    const { run, page, worker } = await started();
    page.dispatchEvent(new MessageEvent('messageerror'));
    await expect(run.stateDict).rejects.toThrow(/a message from the Worker could not be read/);
    await expect(run.stateDict).rejects.toBeInstanceOf(WorkerError);
    serve(counting(3), worker);
    await expectNextTraining(page);
  });
});

describe('a Worker that gets', () => {
  function serving(): { page: MessagePort; worker: MessagePort } {
    const { port1: page, port2: worker } = channel();
    serve(counting(3), worker);
    return { page, worker };
  }

  /** The replies to messages, apart from those of the next training, which works. */
  async function repliesTo(...messages: unknown[]): Promise<unknown[]> {
    const { port1: page, port2: worker } = channel();
    serve(counting(3, 5), worker);
    const replies: { run: number }[] = [];
    page.addEventListener('message', ({ data }) => replies.push(data));
    for (const message of messages) page.postMessage(message);
    await expectNextTraining(page);
    const next = replies.at(-1)!.run;
    return replies.filter(({ run }) => run !== next);
  }

  it.each([
    ...OTHERS(900_000).filter((other) => (other as { evenkeel?: string })?.evenkeel !== 'train'),
    { evenkeel: 'train', data: null },
    { evenkeel: 'train', run: 'x', data: null },
    { evenkeel: 'train', run: 2 ** 60, data: null },
    ...['stop', 'abort', 'snapshot', 'announce'].flatMap((evenkeel) => [
      { evenkeel },
      { evenkeel, run: 900_000 },
      { evenkeel, run: null },
    ]),
    ...FAULTS.map(([, fault]) => ({ ...fault, run: 900_000 })),
  ])('%o: leaves it alone, and the next training works', async (message) => {
    expect(await repliesTo(message)).toEqual([]);
  });

  it('half a request: refuses it', async () => {
    const [reply, ...more] = await repliesTo({ evenkeel: 'train', run: 900_000 });
    expect(more).toEqual([]);
    expect(reply).toMatchObject({
      evenkeel: 'error',
      run: 900_000,
      error: { name: 'WorkerError', message: expect.stringMatching(/data: it is missing/) },
    });
  });

  it('the same request twice: runs it once', async () => {
    const message = { evenkeel: 'train', run: 900_000, data: null };
    const replies = await repliesTo(message, message);
    expect(replies).toMatchObject([{ evenkeel: 'progress' }, { evenkeel: 'done' }]);
  });

  it('data that it cannot read: says so, and the next training works', async () => {
    const { page, worker } = serving();
    page.postMessage({ evenkeel: 'announce', run: 900_000 });
    const reply = new Promise((resolve) => {
      page.onmessage = ({ data }) => resolve(data);
    });
    await delivered();
    worker.dispatchEvent(new MessageEvent('messageerror'));
    worker.dispatchEvent(new MessageEvent('messageerror')); // somebody else's
    expect(await reply).toMatchObject({
      evenkeel: 'error',
      run: 900_000,
      error: {
        name: 'WorkerError',
        message: 'train: the Worker got data that cannot be read here',
      },
    });
    page.onmessage = null;
    await expectNextTraining(page);
  });

  it('an error of its own script: lets the page have it', () => {
    class Scope extends EventTarget {
      postMessage() {}
    }
    const scope = new Scope();
    serve(counting(1), scope);
    const event = new Event('error', { cancelable: true });
    scope.dispatchEvent(event);
    expect(event.defaultPrevented).toBe(false);
  });

  it('another serve: refuses it', () => {
    const { worker } = serving();
    expect(() => serve(counting(1), worker)).toThrow('was already called for this port');
  });
});

describe('random messages', () => {
  // What structured clone takes.
  const value = fc.anything({ withDate: true, withMap: true, withSet: true, withTypedArray: true });
  const kinds = ['announce', 'train', 'snapshot', 'stop', 'abort', 'progress', 'done', 'error'];
  const tensor = fc.record({ data: value, shape: fc.anything() }, { requiredKeys: [] });
  const state = fc.oneof(value, fc.dictionary(fc.string(), fc.oneof(value, tensor)));
  const error = fc.record({ name: value, message: value, stack: value }, { requiredKeys: [] });
  const message = (run: fc.Arbitrary<unknown>) =>
    fc.oneof(
      value,
      fc.record(
        {
          evenkeel: fc.oneof({ weight: 9, arbitrary: fc.constantFrom(...kinds) }, value),
          run,
          steps: value,
          data: value,
          state,
          error: fc.oneof(value, error),
        },
        { requiredKeys: ['evenkeel', 'run'] },
      ),
    );

  it('end a run with weights or an error, and the page trains on', async () => {
    let faults = 0;
    const current = fc.oneof({ weight: 9, arbitrary: fc.constant('current') }, value);
    await fc.assert(
      fc.asyncProperty(fc.array(message(current), { maxLength: 6 }), async (messages) => {
        const { run, number, reply, page, worker } = await started();
        for (const m of messages) {
          const ours = (m as { run?: unknown } | null)?.run === 'current';
          reply(ours ? { ...(m as object), run: number } : m);
        }
        reply({ evenkeel: 'done', run: number, state: { step: WEIGHT } });
        const end = await run.stateDict.catch((e) => e);
        if (end instanceof WorkerError) faults++;
        else if (!(end instanceof Error))
          for (const w of Object.values(end)) (w as Tensor).toArray();
        serve(counting(3), worker);
        await expectNextTraining(page);
        page.close();
      }),
      { numRuns: 300 },
    );
    expect(faults).toBeGreaterThan(30);
  });

  it('leave the Worker able to train', async () => {
    const { port1: page, port2: worker } = channel();
    serve(counting(3), worker);
    const run = fc.oneof(fc.integer({ min: 10 ** 6, max: 10 ** 6 + 3 }), value);
    await fc.assert(
      fc.asyncProperty(fc.array(message(run), { maxLength: 6 }), async (messages) => {
        for (const m of messages) page.postMessage(m);
        await expectNextTraining(page);
      }),
      { numRuns: 300 },
    );
  });

  it('and anything that is thrown can be told', () => {
    const thrown = fc.oneof(
      fc.anything({ withNullPrototype: true, withObjectString: true }),
      fc.record({ name: value, message: value, stack: value }).map((p) => {
        const made = Object.create(Error.prototype);
        for (const [key, part] of Object.entries(p))
          Object.defineProperty(made, key, { value: part });
        return made;
      }),
    );
    fc.assert(
      fc.property(thrown, (t) => {
        const told = plainError(t);
        for (const part of [told.name, told.message, told.stack]) expect(part).toBeTypeOf('string');
      }),
      { numRuns: 1000 },
    );
  });
});
