import { describe, expect, it } from 'vitest';
import { batches, MinMaxScaler, StandardScaler } from '../../src/data/index.ts';
import {
  Adam,
  BatchNorm1d,
  CrossEntropyLoss,
  Dropout,
  defaultGenerator,
  ExponentialMovingAverage,
  fit,
  Generator,
  Linear,
  type Module,
  manualSeed,
  Normalization,
  ReLU,
  Sequential,
  SGD,
  StepLR,
  Tensor,
} from '../../src/index.ts';
import { damageOf, seal } from '../../src/state/checkpoint/checksum.ts';
import {
  loadCheckpoint,
  loadSafetensors,
  type Parts,
  saveCheckpoint,
  saveSafetensors,
} from '../../src/state/index.ts';
import { PCA } from '../../src/whitening/index.ts';
import { hashed } from '../support/hashed.ts';

const set = {
  inputs: { data: Float32Array.from(hashed(2, 80), (u) => u - 0.5), shape: [20, 4] },
  targets: Array.from({ length: 20 }, (_, i) => i % 3),
};

function trained(seed: number, steps = 3) {
  manualSeed(seed);
  const model = new Sequential(
    new Linear(4, 5),
    new BatchNorm1d(5),
    new Dropout(0.5, { generator: new Generator(seed) }),
    new Linear(5, 3),
  );
  const optimizer = new Adam(model.parameters(), { lr: 0.01 * seed });
  const schedule = new StepLR(optimizer, { stepSize: 1, gamma: 0.5 });
  const average = new ExponentialMovingAverage(model, { decay: 0.5 });
  const generator = new Generator(seed);
  generator.permutation(seed);
  const loss = new CrossEntropyLoss();
  for (let i = 0; i < steps; i++) {
    loss.forward(model.forward(set.inputs), set.targets);
    optimizer.zeroGrad();
    model.backward(loss.backward());
    optimizer.step();
    schedule.step();
    average.update();
  }
  const data = batches(set, { batchSize: 4, shuffle: true, seed });
  const iterator = data[Symbol.iterator]();
  for (let i = 0; i < seed % 5; i++) iterator.next();
  return { model, optimizer, schedule, average, generator, batches: data };
}

const text = (parts: Parts) => Buffer.from(saveCheckpoint(parts)).toString('base64');

// biome-ignore lint/suspicious/noExplicitAny: what the tests change is of any kind
type Content = any;

/** A file with other metadata, under a checksum that is right. */
function withContent(file: Uint8Array, change: (content: Content) => unknown): Uint8Array {
  const { tensors, metadata } = loadSafetensors(file);
  const content = JSON.parse(metadata.evenkeel!);
  const changed = change(content) ?? content;
  const json = typeof changed === 'string' ? changed : JSON.stringify(changed);
  const bytes = saveSafetensors(tensors, { evenkeel: json, checksum: '00000000' });
  seal(bytes);
  return bytes;
}

describe('saveCheckpoint', () => {
  it('writes a safetensors file whose tensors have the part as prefix', () => {
    const { model, optimizer } = trained(1);
    const { tensors } = loadSafetensors(saveCheckpoint({ model, optimizer }));
    expect(tensors['model.0.weight']!.shape).toEqual([5, 4]);
    expect(tensors['model.1.num_batches_tracked']!.item()).toBe(3);
    expect(tensors['optimizer.state.0.exp_avg']!.shape).toEqual([5, 4]);
  });

  it('gives the same bytes for the same state', () => {
    expect(text(trained(3))).toBe(text(trained(3)));
    expect(text(trained(3))).not.toBe(text(trained(3, 4)));
  });

  it('keeps what JSON would lose', () => {
    const extra = {
      ...{ best: -Infinity, worst: Infinity, unknown: NaN, zero: -0, third: 1 / 3, none: null },
      classNames: ['Hose', 'Kleid', 'Ünïcode "quoted" \\ \u{1f45f}', '__proto__', '"checksum":"0'],
      nested: { deep: [{ sums: Float32Array.of(1.5, NaN), t: Tensor.from([[1, 2]]) }] },
      ...{ leaves: [], value: null },
      gone: undefined,
    };
    const { extra: read } = loadCheckpoint(saveCheckpoint({}, extra)) as { extra: Content };
    const { gone: _, nested, ...plain } = extra;
    const { nested: readNested, ...readPlain } = read;
    expect(readPlain).toEqual(plain);
    expect(Object.is(readPlain.zero, -0)).toBe(true);
    expect(readNested.deep[0].sums).toEqual(nested.deep[0]!.sums);
    expect(readNested.deep[0].t).toBeInstanceOf(Tensor);
    expect(readNested.deep[0].t.shape).toEqual([1, 2]);
  });

  it('keeps a key __proto__ as a key', () => {
    const extra = JSON.parse('{"__proto__": {"polluted": 1}, "a": {"__proto__": null}}');
    const { extra: read } = loadCheckpoint(saveCheckpoint({}, extra));
    expect(Object.keys(read)).toEqual(['__proto__', 'a']);
    expect((read as { polluted?: number }).polluted).toBeUndefined();
    expect(({} as { polluted?: number }).polluted).toBeUndefined();
  });

  it.each<[string, object, unknown, RegExp]>([
    ['a plain value as a part', { classNames: ['a'] }, {}, /classNames.0 expected a Module.*extra/],
    ['a number as a part', { epoch: 3 }, {}, /epoch expected a Module/],
    ['a name with a dot', { 'a.b': new Generator() }, {}, /a name of letters/],
    ['the name extra', { extra: new Generator() }, {}, /other than extra/],
    ['a Map', {}, { map: new Map() }, /extra.map expected texts.*got a Map/],
    ['a Date', {}, { deep: [{ date: new Date() }] }, /extra.deep.0.date expected/],
    ['a Float64Array', {}, { sums: new Float64Array(2) }, /extra.sums expected/],
    ['a BigInt', {}, { n: 3n }, /extra.n expected/],
    ['a function', {}, { f: () => 1 }, /extra.f expected/],
    ['a hole', {}, { list: [1, undefined] }, /extra.list.1 expected/],
    [
      'two tensors of one name',
      {},
      { 'a.b': Tensor.zeros([1]), a: { b: Tensor.zeros([1]) } },
      /got two/,
    ],
    ['progress of somebody else', { progress: { epoch: 1, step: 1 } }, {}, /that fit yielded/],
  ])('refuses %s', (_, parts, extra, message) => {
    expect(() => saveCheckpoint(parts as Parts, extra as never)).toThrow(message);
  });

  it('refuses a value that contains itself', () => {
    const extra: Record<string, unknown> = {};
    extra.self = extra;
    expect(() => saveCheckpoint({}, extra)).toThrow(/at most 96 levels/);
  });

  it('refuses while an average is applied, because the weights would be lost', () => {
    const { model, average } = trained(1);
    average.apply();
    expect(() => saveCheckpoint({ model, average })).toThrow(
      /average is applied: call restore\(\)/,
    );
    average.restore();
    saveCheckpoint({ model, average });
  });

  it('refuses progress after a further step', async () => {
    const model = new Sequential(new Linear(4, 3));
    const optimizer = new SGD(model.parameters());
    let old: never | undefined;
    const run = fit(model, set, { loss: new CrossEntropyLoss(), optimizer, batchSize: 5 });
    for await (const progress of run) {
      if (old) expect(() => saveCheckpoint({ progress: old! })).toThrow(/that of the last step/);
      saveCheckpoint({ progress });
      old = progress as never;
    }
  });
});

describe('loadCheckpoint', () => {
  it('restores every part', () => {
    const saved = trained(3);
    const file = saveCheckpoint(saved);
    const other = trained(4);
    expect(text(other)).not.toBe(text(saved));
    const { parts, resume } = loadCheckpoint(file, other);
    expect(parts).toEqual(Object.keys(saved));
    expect(resume).toBeUndefined();
    expect(text(other)).toBe(text(saved));
  });

  it('restores one part of several, and leaves the others', () => {
    const saved = trained(3);
    const other = trained(4);
    const { model, ...rest } = other;
    const { average: _, ...others } = rest; // an average's state has the model's buffers
    const before = text(others);
    loadCheckpoint(saveCheckpoint(saved), { model });
    expect(text({ model })).toBe(text({ model: saved.model }));
    expect(text(others)).toBe(before);
  });

  it('restores the default generator if a layer draws from it, and not otherwise', () => {
    const model = new Sequential(new Dropout(0.5));
    manualSeed(9).permutation(5);
    const [withDropout, without] = [{ model }, {}].map((parts) => saveCheckpoint(parts));
    manualSeed(1);
    loadCheckpoint(without!, {});
    expect(defaultGenerator.state).toEqual({ seed: 1, counter: 0 });
    loadCheckpoint(withDropout!, { model: new Sequential(new Dropout(0.5)) });
    expect(defaultGenerator.state).toEqual({ seed: 9, counter: 3 });
  });

  it('continues an epoch of a loop of your own', () => {
    const options = { batchSize: 3, shuffle: true, seed: 5 };
    const take = (data: Iterable<{ targets: Int32Array }>) =>
      Array.from(data, ({ targets }) => [...targets]);
    const whole = batches(set, options);
    const orders = [take(whole), take(whole), take(whole)];
    for (let stop = 0; stop <= whole.steps; stop++) {
      const data = batches(set, options);
      take(data);
      let file = saveCheckpoint({ data });
      let step = 0;
      if (stop > 0) {
        for (const _ of data) {
          if (++step < stop) continue;
          file = saveCheckpoint({ data });
          break;
        }
      }
      const other = batches(set, { ...options, seed: 77 });
      for (const _ of other) break;
      loadCheckpoint(file, { data: other });
      expect(take(other)).toEqual(orders[1]!.slice(stop));
      expect(take(other)).toEqual(orders[2]);
    }
  });

  it('takes scalers, a Normalization, class names and objects of your own', () => {
    const scaler = new StandardScaler().fit(set.inputs);
    const range = new MinMaxScaler().fit(set.inputs);
    const pca = new PCA().fit(set.inputs);
    const model = new Sequential(new Normalization(scaler), new Linear(4, 3), new ReLU());
    const stopping = {
      ...{ best: 0.25, since: 4 },
      stateDict: () => ({ best: stopping.best, since: stopping.since }),
      loadStateDict: (state: { best: number; since: number }) =>
        void Object.assign(stopping, state),
    };
    const file = saveCheckpoint(
      { model, scaler, range, pca, stopping },
      { classNames: ['a', 'b', 'c'] },
    );
    stopping.since = 0;
    const again = {
      model: new Sequential(new Normalization(4), new Linear(4, 3), new ReLU()),
      ...{ scaler: new StandardScaler(), range: new MinMaxScaler(), pca: new PCA(), stopping },
    };
    const { extra } = loadCheckpoint(file, again);
    expect(extra).toEqual({ classNames: ['a', 'b', 'c'] });
    expect(stopping.since).toBe(4);
    expect(again.scaler.mean).toEqual(scaler.mean);
    expect(again.range.dataMax).toEqual(range.dataMax);
    expect(again.pca.transform(set.inputs).toArray()).toEqual(pca.transform(set.inputs).toArray());
    expect(again.model.predict(set.inputs).toArray()).toEqual(model.predict(set.inputs).toArray());
  });

  it('takes shared memory, and a view into a larger buffer', () => {
    const file = saveCheckpoint(trained(2));
    const shared = new Uint8Array(new SharedArrayBuffer(file.length + 13)).subarray(13);
    shared.set(file);
    const other = trained(3);
    loadCheckpoint(shared as never, other);
    expect(text(other)).toBe(Buffer.from(file).toString('base64'));
  });
});

describe('a checkpoint that does not fit', () => {
  const file = saveCheckpoint(trained(3), { note: 'x' });
  const linear = (n = 4) => new Sequential(new Linear(n, 3));
  const adam = (model: Module) => new Adam(model.parameters());

  it.each<[string, () => Parts, RegExp]>([
    [
      'another shape',
      () => ({ model: new Sequential(new Linear(4, 6)) }),
      /^loadCheckpoint: model: unexpected: 1.weight/,
    ],
    [
      'fewer layers',
      () => ({ model: linear() }),
      /model: unexpected: 1.weight, 1.bias, 1.running_mean and 4 more/,
    ],
    [
      'no such part',
      () => ({ best: linear() }),
      /^loadCheckpoint: best is not in the file, which has model, optimizer/,
    ],
    [
      'another kind',
      () => ({ model: new Generator() }),
      /model expected the state of a generator, got module/,
    ],
    [
      'other parameters',
      () => ({ optimizer: adam(linear()) }),
      /optimizer: Adam.loadStateDict: expected groups of 2/,
    ],
    [
      'other data',
      () => ({ batches: batches(set, { batchSize: 5, shuffle: true }) }),
      /batches of 5, got one in 20/,
    ],
    [
      'data that is not shuffled',
      () => ({ batches: batches(set, { batchSize: 4 }) }),
      /got one in 20 shuffled/,
    ],
  ])('%s: says so, and changes nothing', (_, parts, message) => {
    const good = trained(4);
    const mixed = { ...good, ...parts() };
    const before = text(mixed);
    expect(() => loadCheckpoint(file, mixed)).toThrow(message);
    expect(text(mixed)).toBe(before);
  });

  it("refuses a list that is shorter than the file's", () => {
    const list = saveCheckpoint({ g: [new Generator(), new Generator()] });
    expect(() => loadCheckpoint(list, { g: [new Generator()] })).toThrow(/g expected a list/);
    loadCheckpoint(list, { g: [new Generator(), new Generator()] });
  });

  it('changes nothing if the last part fails while it loads', () => {
    const late = {
      stateDict: () => ({ n: 1 }),
      loadStateDict() {
        throw new RangeError('expected another');
      },
    };
    const { model: _, ...rest } = trained(3);
    const scaler = new StandardScaler().fit(set.inputs);
    const saved = saveCheckpoint({ ...rest, scaler, late });
    const { model: __, ...others } = trained(4);
    others.optimizer.lr = 0.123; // not the schedule's
    const fresh = new StandardScaler();
    const before = text(others);
    const parts = { ...others, scaler: fresh, late };
    expect(() => loadCheckpoint(saved, parts)).toThrow(/^loadCheckpoint: late: expected another/);
    expect(text(others)).toBe(before);
    expect(others.optimizer.lr).toBe(0.123);
    expect(fresh.fitted).toBe(false);
  });

  it.each<[string, (content: Content) => unknown, RegExp]>([
    ['a newer version', (c) => ({ ...c, version: 2 }), /expected version 1 of the format, got 2/],
    ['no version', ({ version: _, ...c }) => c, /expected version 1/],
    ['JSON that is not an object', () => '3', /expected version 1/],
    ['null', () => 'null', /expected version 1/],
    ['no JSON', () => '{', /metadata.evenkeel expected JSON/],
    ['deep JSON', () => '['.repeat(200_000), /metadata.evenkeel expected JSON/],
    ['parts that are a list', (c) => ({ ...c, parts: [] }), /parts: expected parts by name/],
    [
      'a part that is null',
      (c) => ({ ...c, parts: { ...c.parts, model: null } }),
      /expected the state of a module/,
    ],
    [
      'no leaves',
      (c) => void (c.parts.model.leaves = 5),
      /model is not as saveCheckpoint writes it/,
    ],
    [
      'a leaf of a prototype',
      (c) => void c.parts.model.leaves.push([['__proto__', 'x'], 'NaN']),
      /is not as/,
    ],
    [
      'a leaf of the prototype of a prototype, which is null',
      (c) => void c.parts.model.leaves.push([['__proto__', '__proto__'], 'NaN']),
      /is not as/,
    ],
    [
      'a leaf of a constructor',
      (c) => void c.parts.model.leaves.push([['constructor'], 'tensor']),
      /is not as/,
    ],
    ['an unknown kind', (c) => void (c.parts.model.leaves[0][1] = 'toString'), /is not as/],
    ['a leaf twice', (c) => void c.parts.model.leaves.push(c.parts.model.leaves[0]), /is not as/],
    [
      'a leaf under a tensor',
      (c) => void c.parts.model.leaves.push([['0.weight', 'size'], 'NaN']),
      /is not as/,
    ],
    ['a tensor that is not there', (c) => void (c.parts.model.value = { x: null }), /is not as/],
    [
      'a text for a tensor',
      (c) => {
        c.parts.model.leaves.shift();
        c.parts.model.value['0.weight'] = 'x';
      },
      /0.weight expected a Tensor/,
    ],
    [
      'a step in the middle of nowhere',
      (c) => void (c.parts.batches.value.step = 99),
      /step expected a whole number from 0 to 5/,
    ],
    [
      'an order without a state',
      (c) => void (c.parts.batches.value.drawn = null),
      /Generator.state: seed/,
    ],
    [
      'a fraction of a counter',
      (c) => void (c.parts.generator.value.counter = 0.5),
      /counter expected a whole number/,
    ],
    [
      'learning rates that are texts',
      (c) => void (c.parts.schedule.value.baseLrs = ['1']),
      /baseLrs expected a number/,
    ],
    [
      'a negative option',
      (c) => void (c.parts.optimizer.value.param_groups[0].eps = -1),
      /eps expected a number ≥ 0/,
    ],
    [
      'groups that are null',
      (c) => void (c.parts.optimizer.value.param_groups = [null]),
      /param_groups/,
    ],
    [
      'generators of other layers',
      (c) => void (c.parts.model.more = []),
      /expected the generators of \[2\], got those of \[\]/,
    ],
    [
      'progress that is none',
      (c) => void (c.progress = { epoch: 0, step: 1 }),
      /progress: epoch expected/,
    ],
    [
      'an average without updates',
      (c) => void (c.parts.average.value.updates = -1),
      /average: updates expected/,
    ],
  ])('refuses %s', (_, change, message) => {
    const parts = trained(4);
    const before = text(parts);
    let error: unknown;
    try {
      loadCheckpoint(withContent(file, change), parts);
    } catch (caught) {
      error = caught;
    }
    expect(error instanceof TypeError || error instanceof RangeError).toBe(true);
    expect((error as Error).message).toMatch(message);
    expect((error as Error).message).toMatch(/^loadCheckpoint: /);
    expect((error as Error).message.length).toBeLessThan(1000);
    expect(text(parts)).toBe(before);
  });

  it('refuses every file with a bit that is changed, and every file that is cut off', () => {
    for (let at = 0; at < file.length; at += 7) {
      const copy = file.slice();
      copy[at]! ^= 1 << (at % 8);
      expect(() => loadCheckpoint(copy)).toThrow(/^loadCheckpoint: not a checkpoint, or no longer/);
      expect(() => loadCheckpoint(file.subarray(0, at))).toThrow(RangeError);
    }
  });

  it('refuses other safetensors files and other values', () => {
    const plain = saveSafetensors({ a: Tensor.zeros([2]) }, { note: 'x' });
    expect(() => loadCheckpoint(plain)).toThrow(/no checksum/);
    for (const wrong of [null, undefined, 'x', 3, {}, []]) {
      expect(() => loadCheckpoint(wrong as never)).toThrow(TypeError);
    }
  });
});

describe('fit, continued', () => {
  const loss = new CrossEntropyLoss();
  async function stopped(data: Parameters<typeof fit>[1], batchSize = 5) {
    const model = new Sequential(new Linear(4, 3));
    const optimizer = new SGD(model.parameters());
    for await (const progress of fit(model, data, { loss, optimizer, batchSize })) {
      if (progress.step === 3) {
        return { model, optimizer, resume: loadCheckpoint(saveCheckpoint({ progress })).resume };
      }
    }
    throw new Error('no third step');
  }
  const rest = async (
    { model, ...options }: Awaited<ReturnType<typeof stopped>>,
    data: Parameters<typeof fit>[1],
    batchSize = 5,
  ) => {
    const steps: number[] = [];
    for await (const { step } of fit(model, data, { loss, ...options, batchSize }))
      steps.push(step);
    return steps;
  };
  const list = Array.from({ length: 4 }, () => set);

  it('does the steps that are left', async () => {
    expect(await rest(await stopped(set), set)).toEqual([4]);
    expect(await rest(await stopped(list as never), list as never)).toEqual([4]);
  });

  it('refuses other data', async () => {
    await expect(rest(await stopped(set), set, 10)).rejects.toThrow(/fit: resume: (step|expected)/);
    await expect(rest(await stopped(set), list as never)).rejects.toThrow(
      'fit: resume: expected the data of the run, a data set or a Batches, got other batches',
    );
    await expect(rest(await stopped(list as never), set)).rejects.toThrow(
      'got a data set or a Batches',
    );
    await expect(rest(await stopped(list as never), list.slice(2) as never)).rejects.toThrow(
      'fit: resume: expected an epoch of at least 3 batches, got one of 2',
    );
  });

  it('refuses what is not a place', async () => {
    const run = await stopped(set);
    await expect(rest({ ...run, resume: { epoch: 1, step: 2 } as never }, set)).rejects.toThrow(
      'fit: resume.start expected a function, got undefined',
    );
  });
});

describe('the checksum', () => {
  it('is the CRC-32 of the file with zeros in its place', () => {
    // The check value of CRC-32: that of the digits 1 to 9 is cbf43926.
    expect(damageOf(new TextEncoder().encode('123456789'))).toContain('no checksum');
    const file = saveCheckpoint({});
    const found = /"checksum":"(\w{8})"/.exec(Buffer.from(file).toString('latin1'))!;
    const blank = Buffer.from(
      Buffer.from(file).toString('latin1').replace(found[1]!, '00000000'),
      'latin1',
    );
    expect(crc32(blank).toString(16).padStart(8, '0')).toBe(found[1]);
    expect(crc32(Buffer.from('123456789')).toString(16)).toBe('cbf43926');
  });
});

/** Bit by bit, as the standard divides polynomials. */
function crc32(bytes: Uint8Array): number {
  let rest = 0xffffffff;
  for (const byte of bytes) {
    rest ^= byte;
    for (let bit = 0; bit < 8; bit++) rest = rest & 1 ? (rest >>> 1) ^ 0xedb88320 : rest >>> 1;
  }
  return ~rest >>> 0;
}
