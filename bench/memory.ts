/**
 * Prints what docs/memory.md says: what models that are dropped leave behind, and what growth costs.
 * `npx tsx bench/memory.ts`
 */
import {
  Adam,
  BatchNorm1d,
  CrossEntropyLoss,
  Linear,
  memoryUsage,
  Parameter,
  ReLU,
  Sequential,
  scope,
  Tensor,
} from '../src/index.ts';

const BATCH = 100;
const x = { data: new Float32Array(BATCH * 784).fill(0.5), shape: [BATCH, 784] };
const labels = new Int32Array(BATCH);
const mib = (bytes: number) => `${(bytes / 2 ** 20).toFixed(1)} MiB`;

/** A perceptron, trained for a step; it predicts once. */
function train(): void {
  const model = new Sequential(
    new Linear(784, 200, { bias: false }),
    new BatchNorm1d(200),
    new ReLU(),
    new Linear(200, 10),
  );
  const loss = new CrossEntropyLoss();
  const optimizer = new Adam(model.parameters());
  loss.forward(model.forward(x), labels);
  optimizer.zeroGrad();
  model.backward(loss.backward());
  optimizer.step();
  model.predict(x);
}

function report(what: string, body: () => void): void {
  const before = memoryUsage().used;
  const start = performance.now();
  body();
  const { used, total } = memoryUsage();
  const milliseconds = Math.round(performance.now() - start);
  console.log(`${what}: ${mib(used - before)} in use, ${mib(total)} in all, ${milliseconds} ms`);
}

const repeat = (n: number, body: () => void) => () => {
  for (let i = 0; i < n; i++) body();
};

report(
  '200 perceptrons in scopes',
  repeat(200, () => scope(train)),
);
report('1 perceptron, dropped', train);
report('200 perceptrons, dropped', repeat(200, train));
const kept: Parameter[] = [];
const zeros = Tensor.zeros([16_384]);
report(
  '6,000 parameters of 64 KiB',
  repeat(6000, () => kept.push(new Parameter(zeros))),
);
