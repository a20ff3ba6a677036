import {
  BCELoss,
  BCEWithLogitsLoss,
  CosineEmbeddingLoss,
  CrossEntropyLoss,
  GaussianNLLLoss,
  HuberLoss,
  type Input,
  KLDivLoss,
  L1Loss,
  MSELoss,
  NLLLoss,
  SmoothL1Loss,
  Tensor,
  TripletMarginLoss,
} from 'evenkeel';
import type { GoldenTensor } from '../../support/stored.ts';
import { close, equal, ofGoldens } from '../checks/check.ts';

/** A loss as the checks call it: of one prediction or a list of them. */
interface AnyLoss {
  forward(prediction: unknown, target?: unknown): number | Tensor;
  backward(scale?: unknown): Tensor | Tensor[];
  dispose(): void;
}

// biome-ignore lint/suspicious/noExplicitAny: options as the golden's script wrote them
const LOSSES: Record<string, (options: any) => unknown> = {
  crossEntropy: (options) => new CrossEntropyLoss(options),
  crossEntropySoft: (options) => new CrossEntropyLoss(options),
  mse: (options) => new MSELoss(options),
  l1: (options) => new L1Loss(options),
  huber: (options) => new HuberLoss(options),
  smoothL1: (options) => new SmoothL1Loss(options),
  bce: (options) => new BCELoss(options),
  bceWithLogits: (options) => new BCEWithLogitsLoss(options),
  klDiv: (options) => new KLDivLoss(options),
  nll: (options) => new NLLLoss(options),
  gaussianNLL: (options) => new GaussianNLLLoss(options),
  cosineEmbedding: (options) => new CosineEmbeddingLoss(options),
  tripletMargin: (options) => new TripletMarginLoss(options),
};

/** Every form that a target has. */
function targetsOf(t: GoldenTensor | null): unknown[] {
  if (!t) return [undefined];
  return [t.data, { data: t.data, shape: t.shape }, Tensor.from(t.data, t.shape)];
}

export default ofGoldens('losses', ({ loss: name, t, value, weights, ...golden }) => {
  const { x, dx, xs = [x], dxs = [dx], weight, posWeight, ...options } = golden;
  const loss = LOSSES[name]!({
    ...options,
    ...(weight && { weight: weight.data }),
    ...(posWeight && { posWeight: posWeight.data }),
  }) as AnyLoss;
  const predictions: Input[] = xs;
  const one = predictions.length === 1;
  const terms: number[] = [value.data ? Array.from(value.data as Float64Array) : value].flat();
  for (const target of targetsOf(t)) {
    const found = loss.forward(one ? predictions[0] : predictions, target);
    const got = found instanceof Tensor ? found.toArray() : [found];
    close(got, terms, { rtol: 1e-6, atol: 2e-7 }, 'value');
    if (found instanceof Tensor) equal(found.shape, value.shape, 'shape of the terms');
  }
  const gradients = [loss.backward(weights ?? 0.5)].flat();
  equal(gradients.length, xs.length, 'gradients');
  for (const [k, gradient] of gradients.entries()) {
    equal(gradient.shape, xs[k].shape, 'shape of dx');
    const expected = dxs[k].data.map((g: number) => (weights ? g : g / 2));
    close(gradient.toArray(), expected, { rtol: 2e-6, scaled: 1e-6 }, 'dx');
  }
  loss.dispose();
  return loss;
});
