/**
 * Trains ResNet-20 or a small MobileNetV2 on images of clothing:
 *
 *   npx tsx examples/networks/main.ts --network mobilenet
 */
import { Command, InvalidArgumentError, Option } from 'commander';
import {
  CrossEntropyLoss,
  evaluate,
  fit,
  type Module,
  manualSeed,
  Normalization,
  OneCycleLR,
  Sequential,
  SGD,
} from 'evenkeel';
import { batches, StandardScaler } from 'evenkeel/data';
import { useThreads } from 'evenkeel/threads';
import { type Images, readImages } from '../train/images.ts';
import { makeProgress, percent } from '../train/progress.ts';
import { MobileNetV2, SMALL } from './mobilenet.ts';
import { ResNet20 } from './resnet.ts';

interface Options {
  network: keyof typeof NETWORKS;
  epochs: number;
  images: number;
  batch: number;
  lr: number;
  seed: number;
  threads?: number;
}

const NETWORKS = {
  resnet20: () => new ResNet20(),
  mobilenet: () => new MobileNetV2(SMALL),
} satisfies Record<string, () => Module>;

const { network, epochs, images, batch, lr, seed, threads } = readOptions();
await useThreads(threads);
const data = await readImages({});
const train = firstOf(data.train, images);
const test = firstOf(data.test, images);

manualSeed(seed);
const body = NETWORKS[network]();
// The network takes bytes: its first layer scales them by the mean and standard deviation of the pixels.
const model = new Sequential({
  normalization: new Normalization(new StandardScaler().fit(train.inputs)),
  network: body,
});
const parameters = model.parameters();
const size = parameters.reduce((sum, parameter) => sum + parameter.size, 0);
console.log(`${network}: ${size} parameters, ${train.targets.length} images, ${epochs} epochs`);

const training = batches(train, { batchSize: batch, shuffle: true, seed, dropLast: true });
using loss = new CrossEntropyLoss();
using optimizer = new SGD(parameters, { lr, momentum: 0.9, nesterov: true, weightDecay: 5e-4 });
const steps = training.steps * epochs;
const schedule = new OneCycleLR(optimizer, { maxLr: lr, totalSteps: steps });
const progress = makeProgress(network);
for await (const moment of fit(model, training, { loss, optimizer, schedule, epochs })) {
  const step = (moment.epoch - 1) * training.steps + moment.step;
  progress.tell({ ...moment, step, steps, imagesPerSecond: moment.samplesPerSecond });
}
progress.stop();
const { accuracy } = evaluate(model, batches(test, { batchSize: 100 }));
console.log(`test accuracy ${percent(accuracy)}`);

/** The first `most` images, with a channel axis. */
function firstOf({ inputs, targets }: Images, most: number) {
  const count = Math.min(most, targets.length);
  const [, height, width] = inputs.shape as [number, number, number];
  const data = inputs.data.subarray(0, count * height * width);
  return {
    inputs: { data, shape: [count, 1, height, width] },
    targets: targets.subarray(0, count),
  };
}

function readOptions(): Options {
  const whole = (text: string): number => {
    const value = Number(text);
    if (Number.isInteger(value) && value > 0) return value;
    throw new InvalidArgumentError('Expected a whole number of 1 or more.');
  };
  return new Command('npx tsx examples/networks/main.ts')
    .description('Trains a network with residual connections on images of clothing.')
    .addOption(
      new Option('--network <name>', 'network to train')
        .choices(Object.keys(NETWORKS))
        .default('resnet20'),
    )
    .option('--epochs <n>', 'passes over the training images', whole, 1)
    .option('--images <n>', 'maximum number of images to use', whole, 10_000)
    .option('--batch <n>', 'images per step', whole, 50)
    .option('--lr <rate>', 'maximum learning rate of the one-cycle schedule', Number, 0.1)
    .option('--seed <n>', 'seed for the initial weights and the order of the images', Number, 1)
    .parse()
    .opts<Options>();
}
