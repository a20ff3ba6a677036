/** What changes whose statistics count, and the norms of weights and of neighbours. */
import {
  Add,
  BatchNorm1d,
  BatchNorm2d,
  BatchNorm3d,
  Conv1d,
  Conv2d,
  type Input,
  Linear,
  LocalResponseNorm,
  MaskedBatchNorm1d,
  MaskedBatchNorm2d,
  MaskedBatchNorm3d,
  Module,
  Renorm,
  SGD,
  SpectralNorm,
  Tensor,
  WeightNorm,
} from 'evenkeel';
import type { GoldenCase } from '../../support/stored.ts';
import { close, equal } from './check.ts';

const SUMS = { scaled: 2e-6, atol: 2e-6 };

const PLAIN = [BatchNorm1d, BatchNorm1d, BatchNorm2d, BatchNorm3d];
const MASKED = [MaskedBatchNorm1d, MaskedBatchNorm1d, MaskedBatchNorm2d, MaskedBatchNorm3d];

/** Ghosts, masks and renormalization. */
export function variant({ ghosts, renorm, steps, ...golden }: GoldenCase): void {
  const { shape } = steps[0].x;
  const Kind = (steps[0].mask ? MASKED : PLAIN)[shape.length - 2]!;
  const bn = new Kind(shape[1], {
    eps: golden.eps,
    momentum: golden.momentum,
    ...(ghosts && { virtualBatchSize: ghosts }),
    ...(renorm && { renorm: new Renorm({ rMax: (t) => renorm[t][0], dMax: (t) => renorm[t][1] }) }),
  });
  bn.loadStateDict({
    weight: golden.weight,
    bias: golden.bias,
    running_mean: golden.runningMean,
    running_var: golden.runningVar,
    num_batches_tracked: Tensor.from(0),
  });
  for (const step of steps) {
    const x: Input[] = step.mask ? [step.x, step.mask] : [step.x];
    for (const parameter of bn.parameters()) parameter.zeroGrad();
    close(bn.forward(x).toArray(), step.y.data, { scaled: 2e-6 }, 'y');
    const [dx] = [bn.backward<Tensor | Tensor[]>(step.dy)].flat();
    close(dx!.toArray(), step.dx.data, SUMS, 'dx');
    close(bn.weight!.grad!.toArray(), step.dWeight.data, SUMS, 'dWeight');
    close(bn.bias!.grad!.toArray(), step.dBias.data, SUMS, 'dBias');
    const running = { rtol: 2e-6, atol: 2e-7 };
    close(bn.runningMean!.data.toArray(), step.runningMean.data, running, 'mean');
    close(bn.runningVar!.data.toArray(), step.runningVar.data, running, 'variance');
    equal(bn.numBatchesTracked!.value, step.batches, 'batches');
  }
  bn.dispose();
}

export function weightnorm({ kind, keys, state, steps }: GoldenCase): void {
  const [outputs, inputs] = state.weight_v.shape;
  const bias = 'bias' in state;
  const layer = new WeightNorm(
    kind === 'linear'
      ? new Linear(inputs, outputs, { bias })
      : new Conv2d(inputs, outputs, 3, { bias }),
  );
  equal(Object.keys(layer.stateDict()), keys, 'keys');
  layer.loadStateDict(state);
  const optimizer = new SGD(layer.parameters(), { lr: 0.05 });
  for (const { x, dy, y, dx, gradients } of steps) {
    close(layer.forward(x).toArray(), y.data, SUMS, 'y');
    optimizer.zeroGrad();
    close(layer.backward(dy).toArray(), dx.data, SUMS, 'dx');
    for (const [key, parameter] of layer.namedParameters()) {
      close(parameter.grad!.toArray(), gradients[key].data, SUMS, key);
    }
    optimizer.step();
  }
  optimizer.dispose();
  layer.dispose();
}

/** The sum of what a layer puts out for each of several inputs. */
class Several extends Module {
  readonly add = new Add();

  constructor(readonly layer: Module) {
    super();
  }

  override forward(x: Input | readonly Input[]): Tensor {
    const [first, ...rest] = (Array.isArray(x) ? x : [x]).map((input) => this.layer.forward(input));
    return rest.reduce((sum, y) => this.add.forward([sum, y]), first!);
  }
}

export function spectralnorm({ kind, rounds, keys, state, ...golden }: GoldenCase): void {
  const [outputs, inputs] = state.weight_orig.shape;
  const bias = 'bias' in state;
  const plain =
    kind === 'Linear'
      ? new Linear(inputs, outputs, { bias })
      : new (kind === 'Conv1d' ? Conv1d : Conv2d)(inputs, outputs, 3, { bias });
  const layer = new SpectralNorm(plain, { nPowerIterations: rounds });
  const model = new Several(layer);
  equal(Object.keys(layer.stateDict()), keys, 'keys');
  layer.loadStateDict(state);
  const optimizer = new SGD(layer.parameters(), { lr: 0.05 });
  for (const { x, dy, y, dx, weight_u, weight_v, gradients } of golden.steps) {
    close(model.forward(x).toArray(), y.data, SUMS, 'y');
    close(layer.weightU.data.toArray(), weight_u.data, SUMS, 'u');
    close(layer.weightV.data.toArray(), weight_v.data, SUMS, 'v');
    optimizer.zeroGrad();
    const returned = [model.backward<Tensor | Tensor[]>(dy)].flat();
    for (const [i, gradient] of returned.entries()) {
      close(gradient.toArray(), dx[i].data, SUMS, 'dx');
    }
    for (const [key, parameter] of layer.namedParameters()) {
      close(parameter.grad!.toArray(), gradients[key].data, SUMS, key);
    }
    optimizer.step();
  }
  const { x, y } = golden.evaluated;
  close(layer.predict(x).toArray(), y.data, SUMS, 'eval');
  optimizer.dispose();
  model.dispose();
}

export function localresponsenorm({ size, options, x, y, dy, dx }: GoldenCase): void {
  const norm = new LocalResponseNorm(size, options);
  close(norm.forward(x).toArray(), y.data, { scaled: 2e-6, atol: 1e-6 }, 'y');
  if (dy) close(norm.backward(dy).toArray(), dx.data, { scaled: 2e-6, atol: 1e-6 }, 'dx');
  norm.dispose();
}
