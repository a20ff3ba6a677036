/** The command line: the text of `npm start -- --help`, and checks of the options. */
import { Command, InvalidArgumentError, Option } from 'commander';

export interface Options {
  model: 'cnn' | 'mlp';
  epochs: number;
  batch: number;
  lr: number;
  optimizer: 'adam' | 'adamw' | 'sgd' | 'rmsprop';
  schedule: 'constant' | 'cosine' | 'decay' | 'onecycle' | 'step';
  seed: number;
  batchNorm: 'both' | 'on' | 'off';
  placement: 'before' | 'after';
  threads?: number;
  full?: boolean;
  data?: string;
  out: string;
}

/** A parser of numbers in a range. Commander adds the option's name to the error. */
function number(low: number, high: number, whole: boolean): (text: string) => number {
  return (text) => {
    const value = text.trim() === '' ? Number.NaN : Number(text);
    if (!(value >= low && value <= high) || (whole && !Number.isInteger(value))) {
      const kind = whole ? 'a whole number' : 'a number';
      throw new InvalidArgumentError(`Expected ${kind} from ${low} to ${high}.`);
    }
    return value;
  };
}

const DESCRIPTION =
  'Trains a network with and without batch normalization on images of clothing, and compares the two. ' +
  'Both start from the same weights. The network with batch normalization is evaluated with its running ' +
  'statistics. The last line printed is its accuracy on the test images after the last epoch.';

const AFTER = `
Data: by default the first 10,000 training and 2,000 test images of Fashion-MNIST,
which are in the repository. --full uses all 60,000 and 10,000 images, from Debian's
package dataset-fashion-mnist, which must be installed. --data uses any folder that
has the four files of MNIST (train-images-idx3-ubyte, ...), gzipped or not.
A last batch that is smaller than the others is skipped.

Output: report.html, and each network's weights as safetensors, in the folder --out.
The report has the learning curves, what enters each ReLU during training, confusion
matrices, and images with the networks' answers.

Examples:
  npm start
  npm start -- --model mlp --epochs 5
  npm start -- --full --epochs 10 --batch-norm on
  npm start -- --optimizer sgd --lr 0.1 --schedule cosine`;

/**
 * Parses the arguments. Prints the help and exits if they ask for it; prints a one-line error and exits with
 * code 2 if they are invalid.
 */
export function readOptions(args: readonly string[]): Options {
  const command = new Command('npm start --')
    .description(DESCRIPTION)
    .addOption(
      new Option(
        '--model <kind>',
        'three convolutions and two dense layers, or 784-200-100-60-30-10',
      )
        .choices(['cnn', 'mlp'])
        .default('cnn'),
    )
    .option('--epochs <n>', 'passes over the training images', number(1, 1000, true), 2)
    .option('--batch <n>', 'images per step', number(2, 10_000, true), 100)
    .option(
      '--lr <rate>',
      'learning rate, or the maximum of the schedule',
      number(0, 100, false),
      0.003,
    )
    .addOption(
      new Option('--optimizer <name>', 'optimizer; sgd has Nesterov momentum 0.9')
        .choices(['adam', 'adamw', 'sgd', 'rmsprop'])
        .default('adam'),
    )
    .addOption(
      new Option('--schedule <name>', 'learning rate schedule')
        .choices(['constant', 'cosine', 'decay', 'onecycle', 'step'])
        .default('onecycle'),
    )
    .option(
      '--seed <n>',
      'seed for the initial weights and the order of the images',
      number(0, Number.MAX_SAFE_INTEGER, true),
      1,
    )
    .addOption(
      new Option('--batch-norm <which>', 'train with batch normalization, without it, or both')
        .choices(['both', 'on', 'off'])
        .default('both'),
    )
    .addOption(
      new Option('--placement <where>', 'batch normalization before or after the activation')
        .choices(['before', 'after'])
        .default('before'),
    )
    .option(
      '--threads <n>',
      'processor cores to use; all, but at most 8, by default',
      number(1, 31, true),
    )
    .addOption(new Option('--full', 'use all of Fashion-MNIST, see below').conflicts('data'))
    .option('--data <dir>', 'folder of MNIST-style files, see below')
    .option('--out <dir>', 'folder for the report and the weights', 'out')
    .addHelpText('after', AFTER)
    .configureOutput({
      outputError: (text, write) => write(`${text.trim().replaceAll('\n', ' ')}\n`),
    })
    .allowExcessArguments(false)
    .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2));
  return command.parse(args, { from: 'user' }).opts<Options>();
}
