/**
 * A variational autoencoder (Kingma and Welling, "Auto-Encoding Variational Bayes", 2013, arXiv:1312.6114) on
 * images of clothing. vae.py is its twin for PyTorch.
 *
 *   node examples/papers/vae.js --epochs 5
 */
import * as nn from 'evenkeel';
import { add, div, exp, mul, randn, square, sub, sum } from 'evenkeel';
import { batches } from 'evenkeel/data';
import { clothing } from './data.js';
import { program } from './run.js';

/** Its forward returns the loss, −ELBO: nats an image. */
class VAE extends nn.Module {
  encoder = new nn.Sequential(new nn.Linear(784, 400), new nn.ReLU());
  mu = new nn.Linear(400, 20);
  logVariance = new nn.Linear(400, 20);
  decoder = new nn.Sequential(new nn.Linear(20, 400), new nn.ReLU(), new nn.Linear(400, 784));
  softplus = new nn.Softplus();

  forward(x) {
    const h = this.encoder.forward(x);
    const mu = this.mu.forward(h);
    const logVariance = this.logVariance.forward(h);
    // z ~ q(z|x) = N(μ, σ²)
    const z = add(mu, mul(exp(mul(logVariance, 0.5)), randn(mu.shape)));
    // −log p(x|z): each pixel is a coin with the log odds l, and −log p = log(1 + eˡ) − x·l
    const l = this.decoder.forward(z);
    const reconstruction = sum(sub(this.softplus.forward(l), mul(x, l)));
    // KL(q(z|x) ‖ N(0, 1)) = ½ Σ (μ² + σ² − log σ² − 1)
    const spread = sub(add(square(mu), exp(logVariance)), add(logVariance, 1));
    return div(add(reconstruction, mul(sum(spread), 0.5)), x.shape[0]);
  }
}

export const train = program(
  import.meta.url,
  async ({ epochs, images, batch, lr }) => {
    const data = batches(await clothing('train', images, [784]), {
      batchSize: batch,
      shuffle: true,
    });
    const test = await clothing('t10k', 2000, [784]);
    const model = new VAE();
    const optimizer = new nn.Adam(model.parameters(), { lr });
    for (let epoch = 0; epoch < epochs; epoch++) {
      for (const { inputs } of data) {
        model.forward(inputs);
        optimizer.zeroGrad();
        model.backward();
        optimizer.step();
      }
    }
    return { loss: model.predict(test.inputs).item() };
  },
  { epochs: 5, images: 10_000, batch: 100, lr: 1e-3 },
);
