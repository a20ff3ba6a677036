/** The network that the settings describe. */
import {
  Adam,
  BatchNorm1d,
  GroupNorm,
  LayerNorm,
  Linear,
  type Module,
  manualSeed,
  type Optimizer,
  ReLU,
  Renorm,
  Sequential,
  SGD,
  Sigmoid,
  Tanh,
  Tensor,
} from 'evenkeel';
import type { Norm, Settings } from '../settings.ts';

/** Samples that a ghost batch has, at most. */
const GHOST = 16;
/** Channels of a group: the first that divides the width. */
const GROUPS = [8, 5, 4];

/**
 * Dense layers `linear1`, `norm1`, `act1`, `linear2`, …, `output`. Networks with the same seed begin with
 * the same weights, whatever their norm.
 */
export function network(settings: Settings, norm: Norm, inputs: number, classes: number): Module {
  const { depth, width, placement, scale, seed } = settings;
  manualSeed(Number(seed));
  const layers: Record<string, Module> = {};
  let from = inputs;
  for (let i = 1; i <= Number(depth); i++) {
    const linear = new Linear(from, Number(width));
    from = Number(width);
    const normalization = normOf(norm, from, Number(settings.batch));
    layers[`linear${i}`] = linear;
    if (normalization && placement === 'before') layers[`norm${i}`] = normalization;
    layers[`act${i}`] = activationOf(settings);
    if (normalization && placement === 'after') layers[`norm${i}`] = normalization;
  }
  layers.output = new Linear(from, classes);
  const model = new Sequential(layers);
  multiplyWeights(model, Number(scale));
  return model;
}

export function optimizerOf({ optimizer, lr }: Settings, model: Module): Optimizer {
  const parameters = model.parameters();
  if (optimizer === 'adam') return new Adam(parameters, { lr: Number(lr) });
  const momentum = optimizer === 'momentum' ? 0.9 : 0;
  return new SGD(parameters, { lr: Number(lr), momentum });
}

function activationOf({ activation }: Settings): Module {
  if (activation === 'sigmoid') return new Sigmoid();
  return activation === 'tanh' ? new Tanh() : new ReLU();
}

function normOf(norm: Norm, width: number, batch: number): Module | undefined {
  switch (norm) {
    case 'none':
      return undefined;
    case 'batch':
      return new BatchNorm1d(width);
    case 'layer':
      return new LayerNorm(width);
    case 'group':
      return new GroupNorm(width / GROUPS.find((size) => width % size === 0)!, width);
    case 'ghost':
      return new BatchNorm1d(width, {
        virtualBatchSize: Math.min(GHOST, batch),
        virtualBatchRest: 'join',
      });
    case 'renorm':
      return new BatchNorm1d(width, {
        renorm: new Renorm({
          rMax: (steps) => Math.min(3, 1 + steps / 200),
          dMax: (steps) => Math.min(5, steps / 100),
        }),
      });
  }
}

function multiplyWeights(model: Module, factor: number): void {
  if (factor === 1) return;
  for (const [name, parameter] of model.namedParameters()) {
    if (!/^(linear\d+|output)\.weight$/.test(name)) continue;
    const values = parameter.data.toArray().map((value) => value * factor);
    parameter.assign(Tensor.from(values, parameter.shape));
  }
}
