/** The networks of the experiments. */
import {
  BatchNorm1d,
  BatchNorm2d,
  Conv2d,
  Dropout,
  Flatten,
  GroupNorm,
  Linear,
  type Module,
  manualSeed,
  ReLU,
  Renorm,
  Sequential,
  Sigmoid,
  Tensor,
} from 'evenkeel';

export type Activation = 'sigmoid' | 'relu';

/** What stands beside the activation. 'offsets' is batch norm with β and without γ. */
export type Norm = 'none' | 'batch norm' | 'offsets' | 'ghost' | 'renorm' | 'group norm';

export interface Style {
  activation?: Activation;
  norm?: Norm;
  placement?: 'before' | 'after';
  /** Probability of dropout after each hidden dense layer. */
  dropout?: number;
  /** A factor of the initial weights. */
  scale?: number;
  seed: number;
}

/** The widths of Görner's dense network: 200, 100, 60 and 30 hidden units and ten classes. */
export const WIDTHS = [784, 200, 100, 60, 30, 10];

/** Dense layers; activation i is called `act1`, `act2`, … */
export function dense(style: Style, widths: readonly number[] = WIDTHS): Sequential {
  manualSeed(style.seed);
  const layers: Record<string, Module> = { flatten: new Flatten() };
  for (let i = 1; i < widths.length; i++) {
    const last = i === widths.length - 1;
    const biased = last || !hasOffset(style) || style.placement === 'after';
    layers[`layer${i}`] = new Linear(widths[i - 1]!, widths[i]!, { bias: biased });
    if (!last) Object.assign(layers, after(style, i, widths[i]!, false));
    if (!last && style.dropout) layers[`dropout${i}`] = new Dropout(style.dropout);
  }
  return scaled(new Sequential(layers), style);
}

/** Three convolutions with 6, 12 and 24 channels, 28² → 14² → 7² pixels, and a dense layer of 200. */
export function convolutional(style: Style): Sequential {
  manualSeed(style.seed);
  const bias = !hasOffset(style) || style.placement === 'after';
  const layers: Record<string, Module> = {
    layer1: new Conv2d(1, 6, 6, { padding: 'same', bias }),
    ...after(style, 1, 6, true),
    layer2: new Conv2d(6, 12, 5, { stride: 2, padding: 2, bias }),
    ...after(style, 2, 12, true),
    layer3: new Conv2d(12, 24, 4, { stride: 2, padding: 1, bias }),
    ...after(style, 3, 24, true),
    flatten: new Flatten(),
    layer4: new Linear(24 * 49, 200, { bias }),
    ...after(style, 4, 200, false),
    ...(style.dropout ? { dropout4: new Dropout(style.dropout) } : {}),
    layer5: new Linear(200, 10),
  };
  return scaled(new Sequential(layers), style);
}

/** All modules that normalize over the batch. */
export function batchNorms(model: Module): (BatchNorm1d | BatchNorm2d)[] {
  return model
    .namedModules()
    .map(([, module]) => module)
    .filter((module) => module instanceof BatchNorm1d || module instanceof BatchNorm2d);
}

/** Whether the norm adds an offset, so that a bias before it would be subtracted again. */
function hasOffset({ norm = 'none' }: Style): boolean {
  return norm !== 'none';
}

/** The norm and the activation that follow layer i. */
function after(style: Style, i: number, width: number, images: boolean): Record<string, Module> {
  const activation = { [`act${i}`]: style.activation === 'sigmoid' ? new Sigmoid() : new ReLU() };
  const norm = normOf(style.norm ?? 'none', width, images);
  if (!norm) return activation;
  const named = { [`norm${i}`]: norm };
  return style.placement === 'after' ? { ...activation, ...named } : { ...named, ...activation };
}

function normOf(norm: Norm, width: number, images: boolean): Module | undefined {
  const BatchNorm = images ? BatchNorm2d : BatchNorm1d;
  switch (norm) {
    case 'none':
      return undefined;
    case 'batch norm':
      return new BatchNorm(width);
    case 'offsets':
      return new BatchNorm(width, { scale: false });
    case 'ghost':
      return new BatchNorm(width, { virtualBatchSize: 16, virtualBatchRest: 'alone' });
    case 'renorm':
      return new BatchNorm(width, {
        renorm: new Renorm({
          rMax: (steps) => Math.min(3, 1 + steps / 200),
          dMax: (steps) => Math.min(5, steps / 100),
        }),
      });
    case 'group norm':
      return new GroupNorm(images ? Math.min(width / 3, 8) : 10, width);
  }
}

function scaled(model: Sequential, { scale = 1 }: Style): Sequential {
  for (const [name, parameter] of model.namedParameters()) {
    if (!name.endsWith('weight') || parameter.shape.length < 2) continue;
    const values = parameter.data.toArray().map((value) => value * scale);
    parameter.assign(Tensor.from(values, parameter.shape));
  }
  return model;
}
