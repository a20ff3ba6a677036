/** The command line of the programs here: `--seed 2 --epochs 1` in, one line out. run.py is its twin. */
import { basename } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { manualSeed } from 'evenkeel';

/** `train` with the seed set: takes the `defaults` in the place of options that are not given. */
export function program(url, train, defaults) {
  const trained = async (given = {}) => {
    const options = { ...defaults, seed: 1, ...given };
    manualSeed(options.seed);
    return train(options);
  };
  if (url === pathToFileURL(process.argv[1] ?? '').href) print(url, trained, defaults);
  return trained;
}

async function print(url, trained, defaults) {
  const from = process.cpuUsage();
  const results = await trained(optionsOf({ ...defaults, seed: 1 }));
  const { user, system } = process.cpuUsage(from);
  const numbers = Object.entries(results).map(([name, value]) => `${name} ${value.toFixed(4)}`);
  const name = basename(url, '.js');
  console.log(
    `${name}: ${numbers.join(', ')}, ${((user + system) / 1e6).toFixed(1)} s of CPU time`,
  );
}

/** Options of the command line have the kinds of the defaults: numbers or words. */
function optionsOf(defaults) {
  const names = Object.keys(defaults);
  try {
    const options = Object.fromEntries(names.map((name) => [name, { type: 'string' }]));
    const given = Object.entries(parseArgs({ options }).values).map(([name, text]) => {
      if (typeof defaults[name] === 'string') return [name, text];
      if (!(Number(text) > 0)) throw new Error(`--${name} expected a positive number, got ${text}`);
      return [name, Number(text)];
    });
    return { ...defaults, ...Object.fromEntries(given) };
  } catch (error) {
    console.error(`${error.message}\noptions: ${names.map((name) => `--${name}`).join(' ')}`);
    process.exit(2);
  }
}
