import {
  BCEWithLogitsLoss,
  CrossEntropyLoss,
  HuberLoss,
  KLDivLoss,
  L1Loss,
  type Loss,
  MSELoss,
  Tensor,
} from 'evenkeel';
import { close, equal, ofGoldens } from '../checks/check.ts';

// biome-ignore lint/suspicious/noExplicitAny: options as the golden's script wrote them
const LOSSES: Record<string, (options: any) => Loss<any>> = {
  crossEntropy: (options) => new CrossEntropyLoss(options),
  crossEntropySoft: (options) => new CrossEntropyLoss(options),
  mse: (options) => new MSELoss(options),
  l1: (options) => new L1Loss(options),
  huber: (options) => new HuberLoss(options),
  bceWithLogits: (options) => new BCEWithLogitsLoss(options),
  klDiv: (options) => new KLDivLoss(options),
};

export default ofGoldens('losses', ({ loss: name, x, t, value, dx, ...golden }) => {
  const { weight, posWeight, ...options } = golden;
  const loss = LOSSES[name]!({
    ...options,
    ...(weight && { weight: weight.data }),
    ...(posWeight && { posWeight: posWeight.data }),
  });
  const { data, shape } = t;
  for (const target of [data, { data, shape }, Tensor.from(data, shape)]) {
    close([loss.forward(x, target)], [value], { rtol: 1e-6, atol: 2e-7 }, 'value');
  }
  const gradient = loss.backward(0.5);
  equal(gradient.shape, x.shape, 'shape of dx');
  const half = dx.data.map((g: number) => g / 2);
  close(gradient.toArray(), half, { rtol: 2e-6, scaled: 1e-6 }, 'dx');
  loss.dispose();
  return loss;
});
