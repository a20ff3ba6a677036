import {
  ELU,
  GELU,
  LeakyReLU,
  type Module,
  PReLU,
  ReLU,
  ReLU6,
  Sigmoid,
  SiLU,
  Tanh,
} from 'evenkeel';
import type { GoldenCase } from '../../support/stored.ts';
import { ofGoldens } from '../checks/check.ts';
import { compareLayer, withWeights } from '../checks/layer.ts';

const MAKERS: Record<string, (golden: GoldenCase) => Module> = {
  relu: () => new ReLU(),
  relu6: () => new ReLU6(),
  sigmoid: () => new Sigmoid(),
  tanh: () => new Tanh(),
  gelu: () => new GELU(),
  geluTanh: () => new GELU({ approximate: 'tanh' }),
  silu: () => new SiLU(),
  leakyRelu: ({ parameter }) => new LeakyReLU(parameter),
  elu: ({ parameter }) => new ELU(parameter),
  prelu: (golden) => withWeights(new PReLU(golden.weight.shape[0]), golden),
};

/** PyTorch's own float32 results differ from float64 by as much. */
const CURVE = { y: { rtol: 2e-6, atol: 1e-6 }, dx: { rtol: 4e-6, atol: 2e-6 } };
const LINES = { y: { rtol: 1e-6 }, dx: { rtol: 1e-6 }, gradients: { rtol: 1e-5, atol: 1e-6 } };

export default ofGoldens('activation', (golden) =>
  compareLayer(MAKERS[golden.name]!(golden), golden, golden.name === 'prelu' ? LINES : CURVE),
);
