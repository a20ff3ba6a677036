/** The command line: what `npm start -- --help` says, and checked options. */
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
  full?: boolean;
  data?: string;
  out: string;
}

/** A number within bounds; commander adds the option's name to what is thrown. */
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
  'Trains one network with and without batch normalization on images of clothing, and compares. ' +
  'Both start from the same weights. The one with batch normalization is evaluated with its moving ' +
  'averages; the last line printed is its accuracy on the test images after the last epoch.';

const AFTER = `
Data: by default the first 10,000 training and 2,000 test images of Fashion-MNIST,
which the repository ships. --full takes all 60,000 and 10,000, found by itself
where Debian's package dataset-fashion-mnist is installed. --data takes any folder
with the four files of MNIST and its kin (train-images-idx3-ubyte, ...), gzipped
or not. A last batch that would be smaller than the others is left out.

Written to --out: report.html, and each network's weights as safetensors.

Examples:
  npm start
  npm start -- --model mlp --epochs 5
  npm start -- --full --epochs 10 --batch-norm on
  npm start -- --optimizer sgd --lr 0.1 --schedule cosine`;

/** Prints help and ends, or one clear line and ends with exit code 2, where the arguments ask for it. */
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
    .option('--batch <n>', 'images a step', number(2, 10_000, true), 100)
    .option(
      '--lr <rate>',
      'learning rate, the largest of its schedule',
      number(0, 100, false),
      0.003,
    )
    .addOption(
      new Option('--optimizer <name>', 'how gradients are followed; sgd has Nesterov momentum 0.9')
        .choices(['adam', 'adamw', 'sgd', 'rmsprop'])
        .default('adam'),
    )
    .addOption(
      new Option('--schedule <name>', 'how the learning rate changes over the training')
        .choices(['constant', 'cosine', 'decay', 'onecycle', 'step'])
        .default('onecycle'),
    )
    .option(
      '--seed <n>',
      'of the initial weights and the order of the images',
      number(0, Number.MAX_SAFE_INTEGER, true),
      1,
    )
    .addOption(
      new Option('--batch-norm <which>', 'train the network with it, without it, or both')
        .choices(['both', 'on', 'off'])
        .default('both'),
    )
    .addOption(
      new Option('--placement <where>', 'batch normalization before or after the activation')
        .choices(['before', 'after'])
        .default('before'),
    )
    .addOption(new Option('--full', 'all of Fashion-MNIST, see below').conflicts('data'))
    .option('--data <dir>', 'a folder of MNIST-style files, see below')
    .option('--out <dir>', 'where the report and the weights go', 'out')
    .addHelpText('after', AFTER)
    .configureOutput({
      outputError: (text, write) => write(`${text.trim().replaceAll('\n', ' ')}\n`),
    })
    .allowExcessArguments(false)
    .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2));
  return command.parse(args, { from: 'user' }).opts<Options>();
}
