/** Errors that leave everything as it was, memory that grows under what stands on it, entries that share it. */
import {
  Adam,
  BatchNorm1d,
  CrossEntropyLoss,
  evaluate,
  fit,
  Linear,
  manualSeed,
  memoryUsage,
  ReLU,
  Sequential,
  Tensor,
  useModule,
} from 'evenkeel';
import { StandardScaler } from 'evenkeel/data';
import { diagnose, reportToJSON, watch } from 'evenkeel/inspect';
import { Block, kernels, memory } from 'evenkeel/kernels';
import { useRelaxed } from 'evenkeel/relaxed';
import { loadSafetensors, saveSafetensors } from 'evenkeel/state';
import { hashed } from '../../support/hashed.ts';
import { type Check, close, equal, throws } from './check.ts';

const network = () => {
  manualSeed(4);
  return new Sequential(
    new Linear(7, 12, { bias: false }),
    new BatchNorm1d(12),
    new ReLU(),
    new Linear(12, 3),
  );
};
const rows = (n: number) => ({
  data: Float32Array.from(hashed(n, n * 7), (u) => u - 0.5),
  shape: [n, 7],
});

/** The hash of what a watch reports, the same in every engine. */
const WATCHED = 2417005732;

function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}

export function behaviour(): Check[] {
  return [
    [
      'a watch gives the same figures, to the last bit, and changes none',
      () => {
        const [plain, watched] = [false, true].map((on) => {
          using model = network();
          const loss = new CrossEntropyLoss();
          const optimizer = new Adam(model.parameters(), { lr: 0.01 });
          const watcher = on ? watch(model, { every: 2, loss, optimizer }) : undefined;
          for (let i = 0; i < 3; i++) {
            loss.forward(model.forward(rows(20 + i)), Array(20 + i).fill(i));
            optimizer.zeroGrad();
            model.backward(loss.backward());
            optimizer.step();
          }
          const report = watcher?.report();
          watcher?.stop();
          const weights = JSON.stringify([...model.stateDict()['3.weight']!.toArray()]);
          return { weights, report };
        });
        equal(watched!.weights, plain!.weights, 'weights');
        equal(hashOf(reportToJSON(watched!.report!)), WATCHED, 'hash of the report');
        equal(diagnose(watched!.report!).length, 0, 'findings');
      },
    ],
    [
      'errors of shapes name layer, expected and got',
      () => {
        using model = network();
        const before = memoryUsage().used;
        throws(
          () => model.forward({ data: new Float32Array(12), shape: [2, 6] }),
          RangeError,
          '[2, 6]',
        );
        throws(() => model.forward({ data: [1, 2], shape: [1, 7] }), RangeError, 'got 2');
        throws(() => new BatchNorm1d(0), RangeError, 'BatchNorm1d');
        equal(memoryUsage().used, before, 'memory');
      },
    ],
    [
      'one value a channel in training is refused, and changes nothing',
      () => {
        using model = network();
        const before = JSON.stringify([...model.stateDict()['1.running_mean']!.toArray()]);
        throws(() => model.forward(rows(1)), RangeError, 'BatchNorm1d');
        equal(JSON.stringify([...model.stateDict()['1.running_mean']!.toArray()]), before, 'mean');
      },
    ],
    [
      'a result that was overwritten cannot be read, nor a forward be used twice',
      () => {
        using model = network();
        throws(() => model.backward(Tensor.zeros([4, 3])), Error, 'call forward first');
        const first = model.forward(rows(4));
        const dy = { data: new Float32Array(12).fill(1), shape: [4, 3] };
        model.backward(dy);
        throws(() => model.backward(dy), Error, 'backward was already called');
        model.forward(rows(4));
        throws(() => first.toArray(), Error, 'was overwritten');
      },
    ],
    [
      'a checkpoint that does not fit is refused whole',
      () => {
        using model = network();
        const state = model.stateDict();
        const before = model.predict(rows(3)).toArray();
        const wrong = { ...state, '0.weight': Tensor.zeros([12, 7]), '3.bias': Tensor.zeros([4]) };
        throws(() => model.loadStateDict(wrong), Error, '3.bias');
        close(model.predict(rows(3)).toArray(), before, {}, 'predictions');
      },
    ],
    [
      'choices come before the first kernel',
      () => {
        network().dispose();
        throws(() => useRelaxed(), Error, 'already started');
        throws(() => useModule({} as WebAssembly.Module), Error, 'already started');
      },
    ],
    [
      'memory grows, moves nothing and stops growing',
      () => {
        using model = network();
        const x = rows(3);
        const before = model.predict(x).toArray();
        const weight = model.parameters()[0]!.data;
        const first = weight.toArray();
        const { buffer } = memory();
        const large = Math.ceil(memoryUsage().total / (7 * 4)) + 1000;
        model.predict({ data: new Float32Array(large * 7), shape: [large, 7] });
        if (memory().buffer === buffer) throw new Error('memory did not grow');
        equal(buffer.byteLength, 0, 'bytes of the buffer of before');
        close(weight.toArray(), first, {}, 'weights');
        close(model.predict(x).toArray(), before, {}, 'predictions');
        const step = () => {
          model.forward(rows(10));
          model.backward({ data: new Float32Array(30).fill(1), shape: [10, 3] });
        };
        step();
        const { total } = memoryUsage();
        for (let i = 0; i < 20; i++) step();
        equal(memoryUsage().total, total, 'bytes in all');
      },
    ],
    [
      'memory ends at 4 GiB with an error that says so, and all goes on',
      () => {
        using model = network();
        const { used } = memoryUsage();
        throws(() => new Block(2 ** 32), RangeError, 'linear memory cannot grow');
        equal(memoryUsage().used, used, 'bytes used');
        model.predict(rows(5));
      },
    ],
    [
      'what is disposed of is given back',
      () => {
        const { used } = memoryUsage();
        for (let i = 0; i < 3; i++) {
          using model = network();
          using loss = new CrossEntropyLoss();
          using optimizer = new Adam(model.parameters());
          loss.forward(model.forward(rows(9)), [0, 1, 2, 0, 1, 2, 0, 1, 2]);
          model.backward(loss.backward());
          optimizer.step();
        }
        equal(memoryUsage().used, used, 'bytes used');
      },
    ],
    [
      'all entries share one engine',
      () => {
        const { used } = memoryUsage();
        const block = new Block(4 * 1000);
        equal(memoryUsage().used - used >= 4000, true, 'the block counts');
        block.f32.fill(-1);
        kernels().reluForward(block.ptr, block.ptr, 0, 1000);
        equal(
          block.f32.every((v) => v === 0),
          true,
          'zeros',
        );
        block.release();
      },
    ],
    [
      'model files and scalers',
      () => {
        using model = network();
        const bytes = saveSafetensors(model.stateDict());
        using other = network();
        other.loadStateDict(loadSafetensors(bytes).tensors);
        close(
          other.predict(rows(4)).toArray(),
          model.predict(rows(4)).toArray(),
          {},
          'predictions',
        );
        const scaler = new StandardScaler().fit({ data: [1, 2, 3, 4], shape: [4, 1] });
        close(scaler.mean, [2.5], {}, 'mean');
      },
    ],
    [
      'fit yields, counts and evaluates',
      async () => {
        using model = network();
        using loss = new CrossEntropyLoss();
        using optimizer = new Adam(model.parameters(), { lr: 0.01 });
        const data = { inputs: rows(40), targets: Array.from({ length: 40 }, (_, i) => i % 3) };
        let steps = 0;
        for await (const { loss: value } of fit(model, data, {
          loss,
          optimizer,
          epochs: 3,
          batchSize: 10,
        })) {
          steps++;
          if (!Number.isFinite(value)) throw new Error(`loss ${value}`);
        }
        equal(steps, 12, 'steps');
        equal(Number.isFinite(evaluate(model, data, loss).loss), true, 'a loss');
      },
    ],
  ];
}
