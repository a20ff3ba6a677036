/** `fit` with accumulate and clipNorm against PyTorch's loop, and metrics against scikit-learn. */
import {
  BatchNorm1d,
  binaryAccuracy,
  CrossEntropyLoss,
  confusionMatrix,
  evaluate,
  f1Score,
  fit,
  Linear,
  type Module,
  meanAbsoluteError,
  precision,
  ReLU,
  r2Score,
  recall,
  Sequential,
  SGD,
  type Tensor,
  topKAccuracy,
} from 'evenkeel';
import { hashed } from '../../support/hashed.ts';
import { type Check, close, equal, ofGoldens } from '../checks/check.ts';

/** The data of fit.py. */
const N = 53;
const data = {
  inputs: { data: Float32Array.from(hashed(50, N * 6), (u) => u * 4 - 2), shape: [N, 6] },
  targets: Int32Array.from(hashed(51, N), (u) => Math.floor(u * 3)),
};

/** The weights of networks.py. */
function network(): Sequential {
  const model = new Sequential(
    new Linear(6, 9, { bias: false }),
    new BatchNorm1d(9),
    new ReLU(),
    new Linear(9, 3),
  );
  let seed = 0;
  for (const layer of [0, 3].map((i) => model.at(i) as Linear)) {
    const bound = 1 / Math.sqrt(layer.weight.shape[1]!);
    for (const parameter of [layer.weight, layer.bias]) {
      if (!parameter) continue;
      const values = Float32Array.from(hashed(++seed, parameter.size), (u) => (u * 2 - 1) * bound);
      parameter.assign({ data: values, shape: parameter.shape });
    }
  }
  return model;
}

// Float32's rounding over 14 steps; gradients that cancel in batch norm weigh most.
const TOLERANCE = { scaled: 2e-5 };

const loops: Check[] = ofGoldens('fit', async (golden) => {
  const model = network();
  const { accumulate, clipNorm, normType, reduction } = golden;
  const loss = new CrossEntropyLoss({ reduction: reduction as 'mean' | 'sum' });
  const lr = reduction === 'mean' ? 0.1 : 0.02;
  const optimizer = new SGD(model.parameters(), { lr, momentum: 0.9 });
  const losses: number[] = [];
  let steps = 0;
  const run = fit(model, data, {
    ...{ loss, optimizer, accumulate, normType: Number(normType) },
    ...(clipNorm !== null && { clipNorm }),
    ...{ epochs: 2, batchSize: 8, shuffle: false },
  });
  for await (const { loss: value, updated } of run) {
    losses.push(value);
    if (updated) steps++;
  }
  equal(steps, 2 * Math.ceil(7 / accumulate), 'steps');
  close(losses, golden.losses, TOLERANCE, 'losses');
  for (const [name, tensor] of Object.entries(model.stateDict())) {
    const expected = golden.state[name];
    const values = typeof expected === 'number' ? [expected] : expected.data;
    close(tensor.toArray(), values, TOLERANCE, name);
  }
  model.dispose();
  return optimizer;
});

/** A model whose prediction is its input. */
const identity = () => new Sequential() as unknown as Module;

const METRICS = { precision, recall, f1Score };

const classes: Check[] = ofGoldens(
  'metrics',
  (golden) => {
    const { scores, targets } = golden;
    const labels = Int32Array.from(targets.data);
    equal(confusionMatrix(scores, labels), golden.confusion, 'confusion');
    for (const [name, metric] of Object.entries(METRICS)) {
      for (const average of ['macro', 'micro', 'none', 'binary'] as const) {
        const expected = golden[name][average];
        if (expected === undefined) continue;
        const found = (metric as typeof precision)(scores, labels, { average } as never);
        close([found].flat(), [expected].flat(), { rtol: 1e-14 }, `${name} ${average}`);
      }
    }
    for (const [k, expected] of Object.entries(golden.topk)) {
      const found = topKAccuracy(scores, labels, { k: Number(k) });
      close([found], [expected as number], { rtol: 1e-14 }, `top ${k}`);
    }
    // In batches it is the same, to the last bit.
    const found = evaluate(identity(), { inputs: scores, targets: labels }, undefined, {
      batchSize: 7,
      metrics: { confusionMatrix, f1: f1Score.with({ average: 'none' }) },
    });
    equal(found.metrics.confusionMatrix, golden.confusion, 'confusion in batches');
    equal(found.metrics.f1, f1Score(scores, labels, { average: 'none' }), 'F1 in batches');
    close([found.accuracy], [golden.accuracy], { rtol: 1e-14 }, 'accuracy');
    return f1Score;
  },
  ({ kind }) => kind === 'classes',
);

const binary: Check[] = ofGoldens(
  'metrics',
  (golden) => {
    const { scores, targets, threshold } = golden;
    for (const labels of [Int32Array.from(targets.data), Float32Array.from(targets.data)]) {
      equal(confusionMatrix(scores, labels, { threshold }), golden.confusion, 'confusion');
      for (const [name, metric] of Object.entries(METRICS)) {
        const found = metric(scores, labels, { threshold });
        close([found], [golden[name]], { rtol: 1e-14 }, name);
      }
      const found = binaryAccuracy(scores, labels, { threshold });
      close([found], [golden.accuracy], { rtol: 1e-14 }, 'accuracy');
    }
    return binaryAccuracy;
  },
  ({ kind }) => kind === 'binary',
);

const regression: Check[] = ofGoldens(
  'metrics',
  (golden) => {
    const { y, targets } = golden;
    close([meanAbsoluteError(y, targets)], [golden.mae], { rtol: 1e-13 }, 'MAE');
    // Far from zero Σt² − (Σt)²/n loses (mean/sd)² · 10⁻¹⁶, which is 10⁻⁸ there.
    const tolerance = { rtol: golden.name === 'far from zero' ? 1e-7 : 1e-12 };
    close([r2Score(y as Tensor, targets)], [golden.r2], tolerance, 'R²');
    const parts = evaluate(identity(), { inputs: y, targets }, undefined, {
      batchSize: 7,
      metrics: { r2Score, meanAbsoluteError },
    });
    close([parts.metrics.r2Score], [golden.r2], tolerance, 'R² in batches');
    close([parts.metrics.meanAbsoluteError], [golden.mae], { rtol: 1e-13 }, 'MAE in batches');
    return r2Score;
  },
  ({ kind }) => kind === 'regression',
);

export default [...loops, ...classes, ...binary, ...regression];
