/**
 * Contrastive learning (Chen et al., "A Simple Framework for Contrastive Learning of Visual Representations", 2020,
 * arXiv:2002.05709): without labels, an encoder learns which two views show the same image. Its projection head has
 * batch norm. A linear classifier that has 500 labels then tells how good its features are,
 * beside those of the untrained encoder. contrastive.py is its twin for
 * PyTorch.
 *
 *   node examples/papers/contrastive.js --epochs 4
 */
import * as nn from 'evenkeel';
import { div, matmul, sqrt, square, sub, sum, transpose } from 'evenkeel';
import { batches } from 'evenkeel/data';
import { clothing } from './data.js';
import { program } from './run.js';

const LABELS = 500;
const TEMPERATURE = 0.5;

const convolution = (inputs, width) =>
  new nn.Sequential(
    new nn.Conv2d(inputs, width, 3, { stride: 2, padding: 1, bias: false }),
    new nn.BatchNorm2d(width),
    new nn.ReLU(),
  );

class SimCLR extends nn.Module {
  encoder = new nn.Sequential(
    convolution(1, 16),
    convolution(16, 32),
    convolution(32, 64),
    new nn.AdaptiveAvgPool2d(1),
    new nn.Flatten(),
  );
  head = new nn.Sequential(
    new nn.Linear(64, 64, { bias: false }),
    new nn.BatchNorm1d(64),
    new nn.ReLU(),
    new nn.Linear(64, 32, { bias: false }),
    new nn.BatchNorm1d(32),
  );

  /** [2N, 1, 28, 28] → [2N, 2N] similarities: logits for the view that shows the same image. */
  forward(x) {
    const y = this.head.forward(this.encoder.forward(x));
    const z = div(y, sqrt(sum(square(y), 1, { keepdim: true })));
    const cosines = matmul(z, transpose(z, 0, 1));
    return sub(div(cosines, TEMPERATURE), itself(x.shape[0])); // no view is to find itself
  }
}

/** 10⁹ on the diagonal. */
function itself(n) {
  return nn.Tensor.from(
    Float32Array.from({ length: n * n }, (_, i) => (i % (n + 1) ? 0 : 1e9)),
    [n, n],
  );
}

/** Writes a view of each image to `views`: a square part of it, perhaps mirrored, lighter or darker. */
function look(images, views) {
  const draws = nn.defaultGenerator.uniform([images.length / 784, 5]).toArray();
  for (let i = 0; i < images.length; i++) {
    const [image, row, column] = [Math.floor(i / 784), Math.floor(i / 28) % 28, i % 28];
    const [size, top, left, mirror, light] = draws.subarray(5 * image, 5 * image + 5);
    const side = 18 + 10 * size;
    const x = mirror < 0.5 ? column : 27 - column;
    const fromRow = Math.floor((28 - side) * top + (side / 28) * row);
    const fromColumn = Math.floor((28 - side) * left + (side / 28) * x);
    views[i] = (0.5 + light) * images[784 * image + 28 * fromRow + fromColumn];
  }
}

/** The accuracy of a linear classifier on the encoder's features, from few labels. */
async function probe(encoder) {
  const features = async (part, count) => {
    const { inputs, targets } = await clothing(part, count);
    return { inputs: encoder.predict(inputs), targets };
  };
  const classifier = new nn.Sequential(new nn.BatchNorm1d(64), new nn.Linear(64, 10));
  const loss = new nn.CrossEntropyLoss();
  const optimizer = new nn.Adam(classifier.parameters(), { lr: 0.01 });
  const options = { loss, optimizer, epochs: 40, batchSize: 100 };
  for await (const _ of nn.fit(classifier, await features('train', LABELS), options));
  return nn.evaluate(classifier, await features('t10k', 2000)).accuracy;
}

export const train = program(
  import.meta.url,
  async ({ epochs, images, batch, lr }) => {
    const clothes = await clothing('train', images);
    const data = batches(clothes, { batchSize: batch, shuffle: true, dropLast: true });
    const model = new SimCLR();
    const untrained = await probe(model.encoder);
    const loss = new nn.CrossEntropyLoss();
    const optimizer = new nn.Adam(model.parameters(), { lr });
    let last = 0;
    const views = new Float32Array(2 * batch * 784);
    const same = Int32Array.from({ length: 2 * batch }, (_, i) => (i + batch) % (2 * batch));
    for (let epoch = 0; epoch < epochs; epoch++) {
      for (const { inputs } of data) {
        look(inputs.data, views.subarray(0, batch * 784));
        look(inputs.data, views.subarray(batch * 784));
        last = loss.forward(model.forward({ data: views, shape: [2 * batch, 1, 28, 28] }), same);
        optimizer.zeroGrad();
        model.backward(loss.backward());
        optimizer.step();
      }
    }
    return { loss: last, untrained, accuracy: await probe(model.encoder) };
  },
  { epochs: 4, images: 5000, batch: 100, lr: 3e-3 },
);
