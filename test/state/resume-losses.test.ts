/**
 * A run that was interrupted and continued by objects made anew has the bits of the run that was not, with losses of
 * probabilities and of several outputs, and with optimizers that count their steps in their own ways.
 */
import { describe, expect, it } from 'vitest';
import {
  Adagrad,
  type AnyLoss,
  BatchNorm1d,
  BCELoss,
  CosineEmbeddingLoss,
  Dropout,
  defaultGenerator,
  fit,
  GaussianNLLLoss,
  type Input,
  Linear,
  Lion,
  LogSoftmax,
  Module,
  manualSeed,
  NAdam,
  NLLLoss,
  type Optimizer,
  type Progress,
  RAdam,
  ReLU,
  Sequential,
  Sigmoid,
  SmoothL1Loss,
  Softplus,
  slice,
  type Tensor,
  type TrainingData,
  TripletMarginLoss,
} from '../../src/index.ts';
import { loadCheckpoint, saveCheckpoint } from '../../src/state/index.ts';
import { hashed } from '../support/hashed.ts';

const BATCH = 8;
const EPOCHS = 3;
const STEPS = 4 * EPOCHS;

const body = () => new Sequential(new Linear(12, 9), new BatchNorm1d(9), new ReLU());

/** A mean and a variance. */
class Normal extends Module<readonly [Tensor, Tensor]> {
  readonly body = body();
  readonly mean = new Linear(9, 2);
  readonly variance = new Sequential(new Linear(9, 2), new Softplus());

  override forward(x: Input): [Tensor, Tensor] {
    const h = this.body.forward(x);
    return [this.mean.forward(h), this.variance.forward(h)] as [Tensor, Tensor];
  }
}

/** The embeddings of the parts of each sample. */
class Parts extends Module<readonly Tensor[]> {
  readonly embed: Sequential;

  constructor(private readonly count: number) {
    super();
    this.embed = new Sequential(new Linear(12 / count, 5), new Dropout(0.2));
  }

  override forward(x: Input): Tensor[] {
    const width = 12 / this.count;
    return Array.from({ length: this.count }, (_, i) =>
      this.embed.forward(slice(x as Tensor, 1, i * width, (i + 1) * width)),
    ) as Tensor[];
  }
}

interface Scene {
  readonly model: () => Module;
  readonly optimizer: (model: Module) => Optimizer;
  readonly loss: () => unknown;
  readonly targets: (batch: number) => unknown;
}

const values = (batch: number, width: number) => ({
  data: Float32Array.from(hashed(batch + 10, BATCH * width)),
  shape: [BATCH, width],
});
const signs = (batch: number) => Array.from(hashed(batch, BATCH), (u) => (u < 0.5 ? -1 : 1));

const scenes: Record<string, Scene> = {
  'NLLLoss, NAdam': {
    model: () => new Sequential(body(), new Dropout(0.3), new Linear(9, 3), new LogSoftmax()),
    optimizer: (model) => new NAdam(model.parameters(), { lr: 0.02, momentumDecay: 0.01 }),
    loss: () => new NLLLoss(),
    targets: (batch) => Int32Array.from({ length: BATCH }, (_, i) => (i + batch) % 3),
  },
  'SmoothL1Loss, RAdam': {
    model: () => new Sequential(body(), new Linear(9, 2)),
    optimizer: (model) => new RAdam(model.parameters(), { lr: 0.02, betas: [0.8, 0.9] }),
    loss: () => new SmoothL1Loss({ beta: 0.3 }),
    targets: (batch) => values(batch, 2),
  },
  'BCELoss, Adagrad': {
    model: () => new Sequential(body(), new Linear(9, 4), new Sigmoid()),
    optimizer: (model) =>
      new Adagrad(model.parameters(), { lr: 0.1, lrDecay: 0.1, initialAccumulatorValue: 0.2 }),
    loss: () => new BCELoss(),
    targets: (batch) => values(batch, 4),
  },
  'GaussianNLLLoss, Lion': {
    model: () => new Normal(),
    optimizer: (model) => new Lion(model.parameters(), { lr: 0.003, weightDecay: 0.1 }),
    loss: () => new GaussianNLLLoss({ full: true }),
    targets: (batch) => values(batch, 2),
  },
  'CosineEmbeddingLoss, NAdam with decoupled decay': {
    model: () => new Parts(2),
    optimizer: (model) =>
      new NAdam(model.parameters(), { weightDecay: 0.1, decoupledWeightDecay: true }),
    loss: () => new CosineEmbeddingLoss({ margin: 0.1 }),
    targets: signs,
  },
  'TripletMarginLoss, RAdam to maximize': {
    model: () => new Parts(3),
    optimizer: (model) => new RAdam(model.parameters(), { lr: 0.01, maximize: true }),
    loss: () => new TripletMarginLoss({ swap: true }),
    targets: () => undefined,
  },
};

const dataOf = ({ targets }: Scene) =>
  Array.from({ length: STEPS / EPOCHS }, (_, batch) => ({
    inputs: {
      data: Float32Array.from(hashed(batch, BATCH * 12), (u) => 2 * u - 1),
      shape: [BATCH, 12],
    },
    targets: targets(batch),
  })) as unknown as TrainingData;

describe('a run continued from a checkpoint', () => {
  it.each(Object.entries(scenes))('%s', async (_, scene) => {
    const made = () => {
      const model = scene.model();
      return { model, optimizer: scene.optimizer(model) };
    };
    type Run = ReturnType<typeof made>;
    const save = (run: Run, progress?: Progress) =>
      Buffer.from(saveCheckpoint({ ...run, ...(progress && { progress }) }));
    const train = async (
      { model, optimizer }: Run,
      resume?: Parameters<typeof fit>[2]['resume'],
    ) => {
      const found: { loss: number; bytes: Buffer }[] = [];
      const options = { loss: scene.loss() as AnyLoss, optimizer, epochs: EPOCHS, resume };
      for await (const progress of fit(model, dataOf(scene), options)) {
        found.push({ loss: progress.loss, bytes: save({ model, optimizer }, progress) });
      }
      return found;
    };
    manualSeed(1);
    const whole = await train(made());
    expect(whole).toHaveLength(STEPS);
    expect(new Set(whole.map(({ loss }) => loss)).size).toBe(STEPS);
    for (let point = 1; point < STEPS; point++) {
      manualSeed(1000 + point); // whatever has happened since
      const run = made();
      defaultGenerator.permutation(point);
      const { resume } = loadCheckpoint(whole[point - 1]!.bytes, { ...run });
      const rest = await train(run, resume);
      expect(rest.map(({ loss }) => loss)).toEqual(whole.slice(point).map(({ loss }) => loss));
      for (const [i, { bytes }] of rest.entries()) {
        expect(Buffer.compare(bytes, whole[point + i]!.bytes)).toBe(0);
      }
    }
  });
});
