/** Trains a network for some steps, and measures it on the way. */
import {
  Adam,
  CrossEntropyLoss,
  DecayToFloor,
  evaluate,
  type Module,
  type Optimizer,
  type Schedule,
  SGD,
} from 'evenkeel';
import { type Batches, batches } from 'evenkeel/data';
import type { Data, Images } from '../train/images.ts';
import type { Point } from './experiment.ts';

export interface Recipe {
  steps: number;
  batch?: number;
  /** The learning rate, or the one that it starts from. */
  lr: number;
  /** Where the learning rate decays to, as e^(−step/speed); constant if left out. */
  floor?: { lr: number; speed: number };
  /** Default Adam. 'momentum' is SGD with momentum 0.9. */
  optimizer?: 'adam' | 'sgd' | 'momentum';
  seed: number;
  /** Only the first images of the training set. */
  images?: number;
  /** Steps between two measurements of test accuracy and loss. Default: 20 measurements. */
  probeEvery?: number;
  /** Called before each step, and after the last. */
  at?: (step: number) => void;
  tell?: (share: number) => void;
}

export interface Trained {
  /** Training loss, averaged between measurements. */
  losses: Point[];
  testLosses: Point[];
  accuracies: Point[];
  /** Test accuracy at the end. */
  accuracy: number;
  testLoss: number;
  /** Whether a loss or a prediction was not a finite number; training stops there. */
  failed: boolean;
}

/** Görner's schedule: from 0.03 to 0.0001. */
export function decaying(lr: number, steps: number): Pick<Recipe, 'lr' | 'floor'> {
  return { lr, floor: { lr: 1e-4, speed: steps / 10 } };
}

export function train(model: Module, data: Data, recipe: Recipe): Trained {
  const { steps } = recipe;
  const probeEvery = Math.max(1, Math.round(recipe.probeEvery ?? steps / 20));
  const training = trainingBatches(data, recipe);
  const test = testBatches(data);
  using loss = new CrossEntropyLoss();
  using optimizer = optimizerOf(model, recipe);
  const schedule = scheduleOf(optimizer, recipe);
  const trained: Trained = {
    losses: [],
    testLosses: [],
    accuracies: [],
    accuracy: 0,
    testLoss: 0,
    failed: false,
  };
  const measure = (x: number): void => {
    const { accuracy, loss: value } = evaluate(model, test, loss);
    trained.failed ||= !Number.isFinite(value);
    trained.accuracies.push({ x, y: accuracy });
    trained.testLosses.push({ x, y: value });
    Object.assign(trained, { accuracy, testLoss: value });
  };
  let step = 0;
  let sum = 0;
  model.train();
  while (step < steps && !trained.failed) {
    for (const { inputs, targets } of training) {
      if (step === steps || trained.failed) break;
      recipe.at?.(step);
      const value = loss.forward(model.forward(inputs), targets as Int32Array);
      optimizer.zeroGrad();
      model.backward(loss.backward());
      optimizer.step();
      schedule?.step();
      sum += value;
      trained.failed ||= !Number.isFinite(value);
      step++;
      if (step % probeEvery === 0 || step === steps || trained.failed) {
        const count = ((step - 1) % probeEvery) + 1;
        trained.losses.push({ x: step, y: sum / count });
        sum = 0;
        measure(step);
        recipe.tell?.(step / steps);
      }
    }
  }
  recipe.at?.(step);
  return trained;
}

/** The first measured step with at least this test accuracy; null if there is none. */
export function stepsTo(goal: number, { accuracies }: Trained): number | null {
  return accuracies.find(({ y }) => y >= goal)?.x ?? null;
}

/** The training images in shuffled batches, scaled to 0 … 1. */
export function trainingBatches(
  { train }: Data,
  { batch = 100, seed, images }: Pick<Recipe, 'batch' | 'seed' | 'images'>,
): Batches {
  const options = { batchSize: batch, shuffle: true, seed, dropLast: true, scale: 1 / 255 };
  return batches(asInput(train, images), options);
}

export function testBatches({ test }: Data, batchSize = 500): Batches {
  return batches(asInput(test), { batchSize, scale: 1 / 255 });
}

/** Adds a channel axis to the first images, [N, 28, 28]. */
export function asInput({ inputs, targets }: Images, most = targets.length) {
  const count = Math.min(most, targets.length);
  const [, height, width] = inputs.shape as [number, number, number];
  const data = inputs.data.subarray(0, count * height * width);
  return {
    inputs: { data, shape: [count, 1, height, width] },
    targets: targets.subarray(0, count),
  };
}

export function optimizerOf(model: Module, { optimizer = 'adam', lr }: Recipe): Optimizer {
  const parameters = model.parameters();
  if (optimizer === 'adam') return new Adam(parameters, { lr });
  return new SGD(parameters, { lr, momentum: optimizer === 'momentum' ? 0.9 : 0 });
}

function scheduleOf(optimizer: Optimizer, { floor }: Recipe): Schedule | undefined {
  return floor && new DecayToFloor(optimizer, { min: floor.lr, speed: floor.speed });
}
