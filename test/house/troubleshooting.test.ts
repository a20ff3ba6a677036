/** docs/troubleshooting.md: its code runs, and the messages that it quotes are those that are thrown. */
import { readFileSync } from 'node:fs';
import { afterEach, expect, it, vi } from 'vitest';
import {
  BatchNorm1d,
  BatchNorm2d,
  Conv2d,
  CrossEntropyLoss,
  fit,
  type Input,
  Linear,
  Module,
  Sequential,
  SGD,
  type Tensor,
} from '../../src/index.ts';
import { refusal } from '../../src/runtime/refusal.ts';
import { runExamples } from '../support/examples.ts';

const PAGE = 'docs/troubleshooting.md';
const text = readFileSync(new URL(`../../${PAGE}`, import.meta.url), 'utf8');
/** The messages, which the page breaks into lines. */
const quoted = [...text.matchAll(/```text\n([\s\S]*?)\n```/g)].map(([, message]) => {
  return message!.replaceAll('\n', ' ');
});

const zeros = (...shape: number[]): Input => {
  return { data: new Float32Array(shape.reduce((size, n) => size * n, 1)), shape };
};

/** A model of one layer, its loss and its optimizer. */
function setting() {
  const model = new Sequential(new Linear(4, 3));
  const loss = new CrossEntropyLoss();
  return { model, loss, optimizer: new SGD(model.parameters(), { lr: 0.1 }), x: zeros(2, 4) };
}

class Arithmetic extends Module {
  fc = new Linear(4, 4);
  override forward(x: Input): Tensor {
    const y = this.fc.forward(x);
    y.toArray();
    return y;
  }
}

/** The error of a runtime in which WebAssembly is this. */
function refused(wasm: object | undefined, page = false): never {
  vi.stubGlobal('WebAssembly', wasm);
  if (page) vi.stubGlobal('location', {});
  throw refusal(new Error('refused'));
}
const forbidden = class {
  constructor() {
    throw new Error('forbidden');
  }
};

/** What leads to each message. */
const FAULTS: (() => unknown)[] = [
  () => refused({ validate: () => true, Module: forbidden }, true),
  () => refused(undefined),
  () => refused({ validate: () => false }),
  () => refused({ validate: () => true, Module: class {}, Instance: class {} }),
  () => refused({ validate: () => true, Module: forbidden }),
  () => {
    const { model, x } = setting();
    const old = model.forward(x);
    model.forward(x);
    old.toArray();
  },
  () => {
    const { model, loss, x } = setting();
    loss.forward(model.forward(x), [0, 1]);
    const gradient = loss.backward();
    model.forward(x);
    model.backward(gradient);
  },
  () => {
    const { model, loss, optimizer, x } = setting();
    loss.forward(model.forward(x), [0, 1]);
    const dx = model.backward(loss.backward());
    optimizer.step();
    dx.toArray();
  },
  () => setting().model.backward(zeros(2, 3)),
  () => {
    const { model, x } = setting();
    model.forward(x);
    model.backward(zeros(2, 3));
    model.backward(zeros(2, 3));
  },
  () => {
    const { model, x } = setting();
    model.forward(x);
    model.loadStateDict(model.stateDict());
    model.backward(zeros(2, 3));
  },
  () => new Linear(784, 10).forward(zeros(8, 1, 28, 28)),
  () => new BatchNorm2d(64).forward(zeros(8, 32, 4, 4)),
  () => new Conv2d(3, 8, 3).forward(zeros(8, 28, 28)),
  () => new BatchNorm1d(8).forward(zeros(1, 8)),
  () => {
    const model = new Sequential(new Linear(4, 8), new BatchNorm1d(8));
    const options = {
      loss: new CrossEntropyLoss(),
      optimizer: new SGD(model.parameters(), { lr: 1 }),
    };
    return fit(model, { inputs: zeros(33, 4), targets: new Uint8Array(33) }, options).next();
  },
  () => new BatchNorm1d(8, { trackRunningStat: false } as object),
  () => new BatchNorm1d(8, { momentum: 0.1, decay: 0.9 }),
  () => {
    const { model } = setting();
    const { '0.bias': bias, ...others } = model.stateDict();
    model.loadStateDict({ ...others, 'fc.bias': bias! });
  },
  () => new CrossEntropyLoss().forward(zeros(2, 3), [0, 3]),
  () => new Arithmetic().forward(zeros(2, 4)),
  () => {
    const layer = new Linear(4, 4);
    return new Sequential(layer, layer);
  },
  () => {
    const { model, x } = setting();
    model.dispose();
    model.forward(x);
  },
];

afterEach(() => {
  vi.unstubAllGlobals();
});

it('quotes the messages of errors word for word, each in its place', async () => {
  const thrown: string[] = [];
  for (const fault of FAULTS) {
    try {
      await fault();
      thrown.push(`nothing was thrown by ${fault}`);
    } catch (error) {
      thrown.push((error as Error).message);
    }
    vi.unstubAllGlobals();
  }
  expect(thrown).toEqual(quoted);
});

it('runs', async () => {
  const { message, value, finding } = await runExamples(PAGE, {
    exported: ['message', 'value', 'finding'],
  });
  expect(message).toContain('Sequential: input 0, [2, 2], has 1 of 4 numbers that are not finite');
  expect(value).toBeLessThan(0.01);
  expect(finding.rule).toBe('activation-before-loss');
  expect(finding.wayOut).toContain('remove the layer');
});
