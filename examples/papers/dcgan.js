/**
 * A deep convolutional GAN (Radford et al., 2015, arXiv:1511.06434) that draws clothing. dcgan.py is its twin for
 * PyTorch.
 *
 *   node examples/papers/dcgan.js --epochs 4
 */
import * as nn from 'evenkeel';
import { randn, reshape } from 'evenkeel';
import { batches } from 'evenkeel/data';
import { clothing, energy } from './data.js';
import { program } from './run.js';

const NOISE = 32;
const init = (parameter) => nn.init.normal(parameter, 0, 0.02); // as in the paper
const doubled = { stride: 2, padding: 1, bias: false, init };

const makeGenerator = () =>
  new nn.Sequential(
    new nn.ConvTranspose2d(NOISE, 32, 7, { bias: false, init }), // 7 × 7
    new nn.BatchNorm2d(32),
    new nn.ReLU(),
    new nn.ConvTranspose2d(32, 16, 4, doubled), // 14 × 14
    new nn.BatchNorm2d(16),
    new nn.ReLU(),
    new nn.ConvTranspose2d(16, 1, 4, doubled), // 28 × 28
    new nn.Sigmoid(),
  );

const makeDiscriminator = () =>
  new nn.Sequential(
    new nn.Conv2d(1, 16, 4, doubled),
    new nn.LeakyReLU(0.2),
    new nn.Conv2d(16, 32, 4, doubled),
    new nn.BatchNorm2d(32),
    new nn.LeakyReLU(0.2),
    new nn.Conv2d(32, 1, 7, { init }),
  );

export const train = program(
  import.meta.url,
  async ({ epochs, images, batch, lr }) => {
    const clothes = await clothing('train', images);
    const data = batches(clothes, { batchSize: batch, shuffle: true, dropLast: true });
    const generator = makeGenerator();
    const discriminator = makeDiscriminator();
    const loss = new nn.BCEWithLogitsLoss();
    const betas = [0.5, 0.999];
    const optimizerG = new nn.Adam(generator.parameters(), { lr, betas });
    const optimizerD = new nn.Adam(discriminator.parameters(), { lr, betas });
    const all = (value) => nn.Tensor.from(new Float32Array(batch).fill(value), [batch, 1, 1, 1]);
    const [real, fake] = [all(1), all(0)];
    for (let epoch = 0; epoch < epochs; epoch++) {
      for (const { inputs } of data) {
        // The discriminator: real images are 1, drawn ones 0.
        optimizerD.zeroGrad();
        loss.forward(discriminator.forward(inputs), real);
        discriminator.backward(loss.backward());
        const drawn = generator.forward(randn([batch, NOISE, 1, 1]));
        loss.forward(discriminator.forward(drawn), fake);
        discriminator.backward(loss.backward());
        optimizerD.step();
        // The generator: its images are to be taken for real. The gradient passes through both models.
        optimizerG.zeroGrad();
        loss.forward(discriminator.forward(drawn), real);
        generator.backward(discriminator.backward(loss.backward()));
        optimizerG.step();
      }
    }
    const drawn = generator.predict(randn([1000, NOISE, 1, 1]));
    const { inputs } = await clothing('t10k', 1000, [784]);
    return { energy: energy(reshape(drawn, [1000, 784]), inputs) };
  },
  { epochs: 4, images: 5000, batch: 50, lr: 2e-3 },
);
