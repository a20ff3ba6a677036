/**
 * A gated recurrent unit (Cho et al., 2014, arXiv:1406.1078) that hears which form a noisy wave has: sine, square,
 * triangle or sawtooth. gru.py is its twin for PyTorch.
 *
 *   node examples/papers/gru.js --epochs 10
 */
import * as nn from 'evenkeel';
import { batches } from 'evenkeel/data';
import { waves } from './data.js';
import { program } from './run.js';

export const train = program(
  import.meta.url,
  async ({ epochs, signals, batch, lr }) => {
    const data = batches(waves(signals, 1), { batchSize: batch, shuffle: true });
    const model = new nn.Sequential(
      new nn.GRU(1, 32, { batchFirst: true, returns: 'last' }),
      new nn.Linear(32, 4),
    );
    const loss = new nn.CrossEntropyLoss();
    const optimizer = new nn.Adam(model.parameters(), { lr });
    const totalSteps = epochs * data.steps;
    const schedule = new nn.OneCycleLR(optimizer, { maxLr: lr, totalSteps });
    for (let epoch = 0; epoch < epochs; epoch++) {
      for (const { inputs, targets } of data) {
        loss.forward(model.forward(inputs), targets);
        optimizer.zeroGrad();
        model.backward(loss.backward());
        nn.clipGradNorm(model.parameters(), 1);
        optimizer.step();
        schedule.step();
      }
    }
    return { accuracy: nn.evaluate(model, waves(1000, 2)).accuracy };
  },
  { epochs: 10, signals: 4000, batch: 50, lr: 1e-2 },
);
