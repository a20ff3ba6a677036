/**
 * A residual network whose blocks weigh their channels (Hu et al., "Squeeze-and-Excitation Networks", 2017,
 * arXiv:1709.01507) on images of clothing. seresnet.py is its twin for PyTorch.
 *
 *   node examples/papers/seresnet.js --epochs 2
 */
import * as nn from 'evenkeel';
import { add, mean, mul, relu, sigmoid } from 'evenkeel';
import { batches } from 'evenkeel/data';
import { clothing } from './data.js';
import { program } from './run.js';

const convolution = (inputs, width, kernel, stride) =>
  new nn.Sequential(
    new nn.Conv2d(inputs, width, kernel, { stride, padding: kernel >> 1, bias: false }),
    new nn.BatchNorm2d(width),
  );

/** Squeeze: the mean of each channel. Excite: two layers make of the means a gate for each channel. */
class SqueezeExcite extends nn.Module {
  constructor(width, reduction = 4) {
    super();
    this.down = new nn.Conv2d(width, width / reduction, 1);
    this.up = new nn.Conv2d(width / reduction, width, 1);
  }

  forward(x) {
    const means = mean(x, [2, 3], { keepdim: true }); // [N, C, 1, 1]
    return mul(x, sigmoid(this.up.forward(relu(this.down.forward(means)))));
  }
}

class Block extends nn.Module {
  constructor(inputs, width, stride) {
    super();
    this.first = convolution(inputs, width, 3, stride);
    this.second = convolution(width, width, 3, 1);
    this.excite = new SqueezeExcite(width);
    this.shortcut = inputs === width ? new nn.Identity() : convolution(inputs, width, 1, stride);
  }

  forward(x) {
    const y = this.second.forward(relu(this.first.forward(x)));
    return relu(add(this.excite.forward(y), this.shortcut.forward(x)));
  }
}

const network = () =>
  new nn.Sequential(
    convolution(1, 16, 3, 2),
    new nn.ReLU(),
    new Block(16, 16, 1),
    new Block(16, 32, 2),
    new Block(32, 64, 2),
    new nn.AdaptiveAvgPool2d(1),
    new nn.Flatten(),
    new nn.Linear(64, 10),
  );

export const train = program(
  import.meta.url,
  async ({ epochs, images, batch, lr }) => {
    const data = batches(await clothing('train', images), { batchSize: batch, shuffle: true });
    const model = network();
    const loss = new nn.CrossEntropyLoss();
    const optimizer = new nn.SGD(model.parameters(), { lr, momentum: 0.9, weightDecay: 5e-4 });
    const totalSteps = epochs * data.steps;
    const schedule = new nn.OneCycleLR(optimizer, { maxLr: lr, totalSteps });
    for (let epoch = 0; epoch < epochs; epoch++) {
      for (const { inputs, targets } of data) {
        loss.forward(model.forward(inputs), targets);
        optimizer.zeroGrad();
        model.backward(loss.backward());
        optimizer.step();
        schedule.step();
      }
    }
    return { accuracy: nn.evaluate(model, await clothing('t10k', 2000)).accuracy };
  },
  { epochs: 2, images: 10_000, batch: 50, lr: 0.1 },
);
