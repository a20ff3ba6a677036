/**
 * A U-Net (Ronneberger et al., 2015, arXiv:1505.04597) that finds the silhouette of a piece of clothing in noise as
 * strong as the picture. unet.py is its twin for PyTorch.
 *
 *   node examples/papers/unet.js --epochs 2
 */
import * as nn from 'evenkeel';
import { add, concat, mul, randn } from 'evenkeel';
import { batches } from 'evenkeel/data';
import { clothing } from './data.js';
import { program } from './run.js';

/** Two convolutions with batch norm. */
const double = (inputs, width) =>
  new nn.Sequential(
    new nn.Conv2d(inputs, width, 3, { padding: 1, bias: false }),
    new nn.BatchNorm2d(width),
    new nn.ReLU(),
    new nn.Conv2d(width, width, 3, { padding: 1, bias: false }),
    new nn.BatchNorm2d(width),
    new nn.ReLU(),
  );

class UNet extends nn.Module {
  down1 = double(1, 16);
  down2 = double(16, 32);
  bottom = double(32, 64);
  up2 = new nn.ConvTranspose2d(64, 32, 2, { stride: 2 });
  join2 = double(64, 32);
  up1 = new nn.ConvTranspose2d(32, 16, 2, { stride: 2 });
  join1 = double(32, 16);
  head = new nn.Conv2d(16, 1, 1);
  pool = new nn.MaxPool2d(2);

  /** [N, 1, 28, 28] → the log odds of each pixel to belong to the silhouette */
  forward(x) {
    const a = this.down1.forward(x); // 28 × 28
    const b = this.down2.forward(this.pool.forward(a)); // 14 × 14
    const c = this.bottom.forward(this.pool.forward(b)); // 7 × 7
    const d = this.join2.forward(concat([this.up2.forward(c), b], 1));
    const e = this.join1.forward(concat([this.up1.forward(d), a], 1));
    return this.head.forward(e);
  }
}

/** Pictures with noise, and where their clothing is. */
async function silhouettes(part, count) {
  const { inputs } = await clothing(part, count);
  const mask = inputs.data.map((value) => (value > 0.1 ? 1 : 0));
  const noisy = add(inputs, mul(randn(inputs.shape), 0.5));
  return { inputs: noisy, targets: { data: mask, shape: inputs.shape } };
}

/** Intersection over union of the pixels that are positive in one and in the other. */
function overlap(logits, { data }) {
  let both = 0;
  let either = 0;
  logits.toArray().forEach((value, i) => {
    if (value > 0 && data[i] > 0) both++;
    if (value > 0 || data[i] > 0) either++;
  });
  return both / either;
}

export const train = program(
  import.meta.url,
  async ({ epochs, images, batch, lr }) => {
    const dataset = await silhouettes('train', images);
    const data = batches(dataset, { batchSize: batch, shuffle: true });
    const test = await silhouettes('t10k', 500);
    const model = new UNet();
    const loss = new nn.BCEWithLogitsLoss();
    const optimizer = new nn.Adam(model.parameters(), { lr });
    for (let epoch = 0; epoch < epochs; epoch++) {
      for (const { inputs, targets } of data) {
        loss.forward(model.forward(inputs), targets);
        optimizer.zeroGrad();
        model.backward(loss.backward());
        optimizer.step();
      }
    }
    return { overlap: overlap(model.predict(test.inputs), test.targets) };
  },
  { epochs: 2, images: 1000, batch: 20, lr: 3e-3 },
);
