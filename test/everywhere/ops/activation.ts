import * as evenkeel from 'evenkeel';
import { ELU, GELU, GLU, Hardtanh, LeakyReLU, type Module, PReLU, Softplus } from 'evenkeel';
import type { GoldenCase } from '../../support/stored.ts';
import { ofGoldens } from '../checks/check.ts';
import { compareLayer, withWeights } from '../checks/layer.ts';

/** Activations with parameters. */
const MAKERS: Record<string, (golden: GoldenCase) => Module> = {
  leakyRelu: ({ parameter }) => new LeakyReLU(parameter),
  elu: ({ parameter }) => new ELU(parameter),
  leakyReluThreshold: ({ slope, threshold }) => new LeakyReLU(slope, { threshold }),
  hardtanh: ({ low, high }) => new Hardtanh(low, high),
  softplus: ({ beta, threshold }) => new Softplus({ beta, threshold }),
  glu: ({ dim }) => new GLU(dim),
  prelu: (golden) => withWeights(new PReLU(golden.weight.shape[0]), golden),
};

/** The activation without parameters whose name differs from `name` in case only, such as Tanh for tanh. */
export function activationNamed(name: string): Module {
  if (name === 'geluTanh') return new GELU({ approximate: 'tanh' });
  const found = Object.entries(evenkeel).find(([key]) => key.toLowerCase() === name.toLowerCase());
  if (!found) throw new Error(`evenkeel exports no activation named like ${name}`);
  return new (found[1] as new () => Module)();
}

/** PyTorch's own float32 results differ from float64 by as much. */
const CURVE = { y: { rtol: 2e-6, atol: 1e-6 }, dx: { rtol: 4e-6, atol: 2e-6 } };
const LINES = { y: { rtol: 1e-6 }, dx: { rtol: 1e-6 }, gradients: { rtol: 1e-5, atol: 1e-6 } };

export default ofGoldens('activation', (golden) =>
  compareLayer(
    MAKERS[golden.name]?.(golden) ?? activationNamed(golden.name),
    golden,
    golden.name === 'prelu' ? LINES : CURVE,
  ),
);
