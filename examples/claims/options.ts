/** The command line of `npm run claims`. */
import { availableParallelism } from 'node:os';
import { Command, InvalidArgumentError } from 'commander';

export interface Options {
  quick?: boolean;
  only?: string[];
  data?: string;
  jobs: number;
  fresh?: boolean;
  render?: string;
  out: string;
}

const DESCRIPTION =
  'Tests what is claimed of batch normalization, by experiments on Fashion-MNIST, and writes a report with ' +
  'plots and a verdict on each claim. Results are kept as they come: if it is stopped, the same command ' +
  'goes on from there.';

const AFTER = `
Data: the 10,000 training and 2,000 test images of Fashion-MNIST that are in the
repository, or those of --data: any folder with the four files of MNIST.

Output: index.html and the figures as .svg in --out, and the results as results.json.

Examples:
  npm run claims -- --quick
  npm run claims
  npm run claims -- --only a,c
  npm run claims -- --data ~/mnist --out out/mnist`;

/** @param keys the letters of the experiments */
export function readOptions(args: readonly string[], keys: readonly string[]): Options {
  const only = (text: string): string[] => {
    const wanted = text.split(',').map((key) => key.trim());
    const unknown = wanted.find((key) => !keys.includes(key));
    if (unknown !== undefined) {
      throw new InvalidArgumentError(`Expected letters of experiments, ${keys.join(', ')}.`);
    }
    return wanted;
  };
  const jobs = (text: string): number => {
    const count = Number(text);
    if (!Number.isInteger(count) || count < 1 || count > 256) {
      throw new InvalidArgumentError('Expected a whole number from 1 to 256.');
    }
    return count;
  };
  return new Command('npm run claims --')
    .description(DESCRIPTION)
    .option('--quick', 'one seed and few steps: three minutes, and weak verdicts')
    .option('--only <letters>', 'some experiments, by their letters', only)
    .option('--data <dir>', 'folder of MNIST-style files, see below')
    .option('--jobs <n>', 'processes at once', jobs, availableParallelism())
    .option('--fresh', 'forget earlier results')
    .option('--render <file>', 'only draw the report of a results.json again')
    .option('--out <dir>', 'folder for the report', 'out/claims')
    .addHelpText('after', AFTER)
    .configureOutput({
      outputError: (text, write) => write(`${text.trim().replaceAll('\n', ' ')}\n`),
    })
    .allowExcessArguments(false)
    .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2))
    .parse(args as string[], { from: 'user' })
    .opts<Options>();
}
