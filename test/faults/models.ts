/** Eight kinds of models, each with what trains it, as small as they can be. */
import {
  Adam,
  AdamW,
  Add,
  AvgPool2d,
  BatchNorm1d,
  BatchNorm2d,
  Concat,
  Conv2d,
  CrossEntropyLoss,
  clipGradNorm,
  Dropout,
  ExponentialMovingAverage,
  Flatten,
  GELU,
  GlobalAvgPool,
  GroupNorm,
  type Input,
  InstanceNorm2d,
  LambdaLR,
  Layer,
  type LayerContext,
  LayerNorm,
  Linear,
  MaxPool2d,
  Module,
  MSELoss,
  type Optimizer,
  Parameter,
  ReLU,
  Residual,
  RMSNorm,
  RMSprop,
  type Schedule,
  Sequential,
  SGD,
  SpectralNorm,
  StepLR,
  Tensor,
  WeightNorm,
} from '../../src/index.ts';
import type { Loss } from '../../src/losses/loss.ts';
import { TestRandom } from '../support/random.ts';

/** A model and what trains it. */
export interface Parts {
  readonly model: Module;
  // biome-ignore lint/suspicious/noExplicitAny: the targets' type depends on the loss
  readonly loss: Loss<any>;
  readonly optimizer: Optimizer;
  readonly schedule?: Schedule;
  readonly ema?: ExponentialMovingAverage;
  /** Called between backward and the optimizer's step. */
  readonly beforeStep?: () => void;
}

export interface Kind {
  /** Shapes of the inputs of one sample. */
  readonly shapes: readonly (readonly number[])[];
  /** Number of classes, or of outputs to fit. */
  readonly outputs: number;
  make(): Parts;
}

/** A batch of `n` samples for a kind of model. */
export function batchOf({ shapes, outputs }: Kind, n: number, seed: number) {
  const random = new TestRandom(seed);
  const inputs = shapes.map((shape) => {
    const full = [n, ...shape];
    return Tensor.from(random.normals(full.reduce((a, b) => a * b)), full);
  });
  const x: Input | Input[] = inputs.length === 1 ? inputs[0]! : inputs;
  const labels = Int32Array.from({ length: n }, () => random.integer(outputs));
  return { x, labels, numbers: Tensor.from(random.normals(n * outputs), [n, outputs]) };
}

/** Called in `compute` and `differentiate`, so that a test may throw there. */
export const hook = { call: (): void => {} };

/** y = scale·x², with a parameter and a saved array. */
class ScaledSquare extends Layer {
  readonly scale = new Parameter(Tensor.from([0.5]));

  override outputShape(shape: readonly number[]) {
    return shape;
  }

  override compute(x: Float32Array, y: Float32Array, ctx: LayerContext): void {
    hook.call();
    ctx.save(ctx.inputShape).set(x);
    const [scale] = ctx.values(this.scale);
    for (let i = 0; i < x.length; i++) y[i] = scale! * x[i]! * x[i]!;
    hook.call();
  }

  override differentiate(dy: Float32Array, dx: Float32Array | null, ctx: LayerContext): void {
    hook.call();
    const [x] = ctx.saved;
    const [scale] = ctx.values(this.scale);
    const dScale = ctx.gradient(this.scale);
    for (let i = 0; i < dy.length; i++) {
      if (dx) dx[i] = 2 * scale! * x![i]! * dy[i]!;
      if (dScale) dScale[0]! += x![i]! * x![i]! * dy[i]!;
    }
    hook.call();
  }
}

/** Two inputs, a layer that runs on both, and a sum. */
class Siamese extends Module {
  readonly shared = new Linear(5, 6, { bias: false });
  readonly bn = new BatchNorm1d(6);
  readonly relu = new ReLU();
  readonly add = new Add();
  readonly concat = new Concat(1);
  readonly last = new Linear(12, 3);

  override forward(x: readonly Input[] | Input): Tensor {
    const [a, b] = x as readonly Input[];
    const p = this.relu.forward(this.bn.forward(this.shared.forward(a!)));
    const q = this.relu.forward(this.shared.forward(b!));
    return this.last.forward(this.concat.forward([this.add.forward([p, q]), q]));
  }
}

export const KINDS: Readonly<Record<string, Kind>> = {
  'mlp with batch norm': {
    shapes: [[5]],
    outputs: 3,
    make() {
      const model = new Sequential(
        new Linear(5, 7, { bias: false }),
        new BatchNorm1d(7),
        new ReLU(),
        new Dropout(0.3),
        new Linear(7, 3),
      );
      const optimizer = new SGD(model.parameters(), { lr: 0.1, momentum: 0.9 });
      const schedule = new StepLR(optimizer, { stepSize: 1, gamma: 0.5 });
      return { model, optimizer, schedule, loss: new CrossEntropyLoss() };
    },
  },
  cnn: {
    shapes: [[2, 6, 6]],
    outputs: 3,
    make() {
      const model = new Sequential(
        new Conv2d(2, 4, 3, { padding: 1, bias: false }),
        new BatchNorm2d(4),
        new ReLU(),
        new MaxPool2d(2),
        new Conv2d(4, 3, 3),
        new AvgPool2d(1),
        new Flatten(),
      );
      return { model, optimizer: new Adam(model.parameters()), loss: new CrossEntropyLoss() };
    },
  },
  'residual blocks, groups of parameters': {
    shapes: [[3, 5, 5]],
    outputs: 3,
    make() {
      const block = (): Sequential =>
        new Sequential(new Conv2d(3, 3, 3, { padding: 1, bias: false }), new BatchNorm2d(3));
      const model = new Sequential(
        new Residual(block()),
        new ReLU(),
        new Residual(block(), new Conv2d(3, 3, 1)),
        new GlobalAvgPool(),
      );
      const parameters = model.parameters();
      // The first group needs no moments, the second does.
      const optimizer = new SGD(
        [
          { params: parameters.slice(0, 2), momentum: 0 },
          { params: parameters.slice(2), momentum: 0.9, nesterov: true },
        ],
        { lr: 0.05 },
      );
      return { model, optimizer, loss: new CrossEntropyLoss() };
    },
  },
  'weight and spectral norm': {
    shapes: [[5]],
    outputs: 3,
    make() {
      const model = new Sequential(
        new WeightNorm(new Linear(5, 6)),
        new GELU(),
        new SpectralNorm(new Linear(6, 6)),
        new ReLU(),
        new WeightNorm(new Linear(6, 3)),
      );
      return { model, optimizer: new Adam(model.parameters()), loss: new CrossEntropyLoss() };
    },
  },
  'norms of a sample': {
    shapes: [[4, 3, 3]],
    outputs: 3,
    make() {
      const model = new Sequential(
        new Conv2d(4, 4, 1),
        new GroupNorm(2, 4),
        new ReLU(),
        new InstanceNorm2d(4, { affine: true }),
        new Flatten(),
        new LayerNorm(36),
        new Linear(36, 3),
        new RMSNorm(3),
      );
      const optimizer = new RMSprop(model.parameters(), { centered: true, momentum: 0.5 });
      return { model, optimizer, loss: new MSELoss() };
    },
  },
  'a Layer of one’s own': {
    shapes: [[5]],
    outputs: 3,
    make() {
      const model = new Sequential(
        new Linear(5, 4),
        new ScaledSquare(),
        new BatchNorm1d(4),
        new ScaledSquare(),
        new Linear(4, 3),
      );
      const optimizer = new Adam(model.parameters(), { lr: 0.01 });
      return { model, optimizer, loss: new MSELoss() };
    },
  },
  'averaged weights, AdamW, clipping': {
    shapes: [[5]],
    outputs: 3,
    make() {
      const model = new Sequential(
        new Linear(5, 6),
        new BatchNorm1d(6),
        new ReLU(),
        new Linear(6, 3),
      );
      const optimizer = new AdamW(model.parameters(), { lr: 0.01 });
      const schedule = new LambdaLR(optimizer, (n) => 1 / (1 + n));
      const ema = new ExponentialMovingAverage(model, { decay: 0.9, buffers: true });
      const beforeStep = () => void clipGradNorm(model.parameters(), 0.1);
      return { model, optimizer, schedule, ema, beforeStep, loss: new CrossEntropyLoss() };
    },
  },
  'a shared layer and two inputs': {
    shapes: [[5], [5]],
    outputs: 3,
    make() {
      const model = new Siamese();
      return { model, optimizer: new AdamW(model.parameters()), loss: new CrossEntropyLoss() };
    },
  },
};
