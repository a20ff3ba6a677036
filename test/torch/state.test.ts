/** Models go to PyTorch and come from it as safetensors; Python reads and writes them with its own code. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import {
  Adam,
  BatchNorm1d,
  BatchNorm2d,
  Conv2d,
  CrossEntropyLoss,
  Flatten,
  type Input,
  LeakyReLU,
  Linear,
  MaxPool2d,
  Module,
  manualSeed,
  type Parameter,
  ReLU,
  Sequential,
  Tensor,
} from '../../src/index.ts';
import { loadSafetensors, saveSafetensors } from '../../src/state/index.ts';
import { expectClose } from '../support/close.ts';
import { TestRandom } from '../support/random.ts';

const script = fileURLToPath(new URL('state.py', import.meta.url));

/** A folder that both sides write to. */
function exchange() {
  const folder = mkdtempSync(join(tmpdir(), 'evenkeel-state-'));
  return {
    put: (name: string, bytes: Uint8Array) => writeFileSync(join(folder, name), bytes),
    bytes: (name: string) => new Uint8Array(readFileSync(join(folder, name))),
    tensors: (name: string) =>
      loadSafetensors(new Uint8Array(readFileSync(join(folder, `${name}.safetensors`)))).tensors,
    python: (task: string) =>
      execFileSync('/usr/bin/python3', [script, folder, task], { stdio: 'inherit' }),
  };
}

const network = () =>
  new Sequential(
    new Conv2d(2, 6, 3, { padding: 1, bias: false }),
    new BatchNorm2d(6),
    new ReLU(),
    new MaxPool2d(2),
    new Flatten(),
    new Linear(96, 20),
    new BatchNorm1d(20),
    new LeakyReLU(0.1),
    new Linear(20, 4),
  );

class Tied extends Module {
  readonly encoder = new Linear(5, 5);
  readonly decoder = new Linear(5, 5);
  readonly relu = new ReLU();

  constructor() {
    super();
    (this.decoder as { weight: Parameter }).weight = this.encoder.weight;
  }

  override forward(x: Input): Tensor {
    return this.decoder.forward(this.relu.forward(this.encoder.forward(x)));
  }
}

const SAME = { rtol: 1e-5, atol: 1e-5 };

it('a model that was trained here predicts the same in PyTorch, from F32 and from F16', () => {
  const { put, tensors, python } = exchange();
  const random = new TestRandom(1);
  manualSeed(1);
  const model = network();
  const loss = new CrossEntropyLoss();
  const optimizer = new Adam(model.parameters(), { lr: 0.01 });
  for (let step = 0; step < 12; step++) {
    const y = model.forward(Tensor.from(random.normals(16 * 128), [16, 2, 8, 8]));
    loss.forward(
      y,
      Array.from({ length: 16 }, () => random.integer(4)),
    );
    optimizer.zeroGrad();
    model.backward(loss.backward());
    optimizer.step();
  }
  const x = Tensor.from(random.normals(9 * 128), [9, 2, 8, 8]);
  put('x.safetensors', saveSafetensors({ x }));
  for (const dtype of ['F32', 'F16'] as const) {
    put(`${dtype}.safetensors`, saveSafetensors(model.stateDict(), { epochs: '3' }, { dtype }));
  }
  python('predict');
  expectClose(tensors('y-F32').y!.toArray(), model.predict(x).toArray(), SAME);
  const half = network();
  half.loadStateDict(tensors('F16'));
  expectClose(tensors('y-F16').y!.toArray(), half.predict(x).toArray(), SAME);
  expect(half.predict(x).toArray()).not.toEqual(model.predict(x).toArray());
});

it('a model that PyTorch trained predicts the same here, from every type', () => {
  const { bytes, tensors, python } = exchange();
  python('train');
  const x = tensors('x').x!;
  for (const name of ['F64', 'F32', 'F16', 'BF16']) {
    const model = network();
    model.loadStateDict(tensors(name));
    expectClose(model.predict(x).toArray(), tensors(`y-${name}`).y!.toArray(), SAME);
    expect(model.at<BatchNorm2d>(1).numBatchesTracked!.value).toBe(2 ** 40 + 1);
    expect(model.at<BatchNorm1d>(6).numBatchesTracked!.value).toBe(15);
  }
  expect(() => loadSafetensors(bytes('zip.pt'))).toThrow('got a zip, as torch.save writes');
  expect(() => loadSafetensors(bytes('pickle.pt'))).toThrow('got a pickle, as torch.save wrote');
});

it('tied weights go both ways under both names', () => {
  const { put, tensors, python } = exchange();
  python('tied');
  const x = tensors('x').x!;
  const model = new Tied();
  const theirs = tensors('theirs');
  expect(Object.keys(theirs)).toEqual(Object.keys(model.stateDict()));
  expect(model.loadStateDict(theirs).missing).toEqual([]);
  expectClose(model.predict(x).toArray(), tensors('y-theirs').y!.toArray(), SAME);
  const ours = new Tied();
  put('ours.safetensors', saveSafetensors(ours.stateDict()));
  python('tied-back');
  expectClose(tensors('y-ours').y!.toArray(), ours.predict(x).toArray(), SAME);
  ours.loadStateDict({ ...tensors('ours'), 'encoder.weight': Tensor.zeros([5, 5]) });
  expectClose(tensors('y-last').y!.toArray(), ours.predict(x).toArray(), SAME);
});

it('float32 becomes float16 as in PyTorch, to the bit', () => {
  const { put, bytes, python } = exchange();
  const random = new TestRandom(7);
  // Every power of two that float16 has, and some below, times random numbers; ties, too.
  const values = Float32Array.from({ length: 200_000 }, (_, i) => {
    const power = 2 ** ((i % 42) - 26);
    const size = i % 3 ? random.uniform() * power * 0.99 : (random.integer(2048) / 2048) * power;
    return random.integer(2) ? size : -size;
  });
  put('values.safetensors', saveSafetensors({ x: { data: values, shape: [values.length] } }));
  python('half');
  const state = { x: { data: values, shape: [values.length] } };
  const ours = saveSafetensors(state, {}, { dtype: 'F16' }).subarray(-2 * values.length);
  expect(Buffer.compare(ours, bytes('half.safetensors').subarray(-2 * values.length))).toBe(0);
});
