/** docs/coming-from.md: the code in its tables runs, and its defaults are the code's. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import * as data from '../../src/data/index.ts';
import * as evenkeel from '../../src/index.ts';
import * as inspect from '../../src/inspect/index.ts';
import * as state from '../../src/state/index.ts';
import { expectClose } from '../support/close.ts';
import { runExamples } from '../support/examples.ts';

const PAGE = 'docs/coming-from.md';
const text = readFileSync(new URL(`../../${PAGE}`, import.meta.url), 'utf8');

/** The cells of the columns named `evenkeel`, of all tables. */
function cells(): string[] {
  const found: string[] = [];
  let column = -1;
  for (const line of text.split('\n')) {
    const row = line.startsWith('|') ? line.split('|').map((cell) => cell.trim()) : [];
    if (row.length === 0) column = -1;
    else if (column < 0) column = row.includes('evenkeel') ? row.indexOf('evenkeel') : row.length;
    else if (row[column] && !/^-+$/.test(row[column])) found.push(row[column]);
  }
  return found;
}

/** What the code of the tables may use: all public names, and a model between its forward and its backward. */
function setting() {
  const { Sequential, Linear, CrossEntropyLoss, SGD, StepLR, Tensor } = evenkeel;
  const x = Tensor.from([
    [1, 2, 3, 5],
    [4, 3, 2, 1],
  ]);
  const targets = [0, 2];
  const model = new Sequential(new Linear(4, 3));
  const loss = new CrossEntropyLoss();
  const optimizer = new SGD(model.parameters(), { lr: 0.1 });
  const schedule = new StepLR(optimizer, { stepSize: 1 });
  loss.forward(model.forward(x), targets);
  const parameter = model.parameters()[0]!;
  const image = { data: new Uint8ClampedArray(16), width: 2, height: 2 };
  const own = { x, targets, model, loss, optimizer, schedule, parameter, image };
  return { ...evenkeel, ...data, ...state, ...inspect, ...own, data: { inputs: x, targets } };
}

/** Evaluates code in a setting of its own. */
function evaluated(code: string): unknown {
  const scope = setting();
  const call = new Function(...Object.keys(scope), `return (${code});`);
  return call(...Object.values(scope));
}

/** Keys of state dicts and words of the language, which stand for themselves. */
const NOT_CODE = /^(break|for await|evenkeel\/inspect|weight|bias|running_mean|running_var)$/;

const codes = cells().flatMap((cell) => [...cell.matchAll(/`([^`]+)`/g)].map(([, code]) => code!));

describe('the column evenkeel', () => {
  it('has as much code as the page shows', () => expect(codes.length).toBeGreaterThan(150));

  it.each([...new Set(codes)].filter((code) => !NOT_CODE.test(code)))('%s', async (code) => {
    const value = evaluated(code); // throws for a name or an option that does not exist
    if (Symbol.asyncIterator in Object(value)) {
      expect(await (value as AsyncGenerator).next()).toHaveProperty('value.loss');
    }
  });

  it('evaluates: a wrong name or option is an error', () => {
    expect(() => evaluated('new BatchNorm2d(1, { epsilon: 1e-3 })')).toThrow('unknown option');
    expect(() => evaluated('new BatchNorm9d(1)')).toThrow('not defined');
    expect(() => evaluated('model.state_dict()')).toThrow('not a function');
  });
});

const defaults = cells().flatMap((cell) => {
  const [, code, value] = /^`([^`]+)` = (\S+)$/.exec(cell) ?? [];
  return code ? [[code, value!] as const] : [];
});

it('has ten defaults with their values', () => expect(defaults.length).toBeGreaterThanOrEqual(10));

it.each(defaults)('%s is %s', (code, value) => {
  const found = evaluated(code);
  expect(found).toBe(typeof found === 'number' ? Number(value) : value);
});

it('weights from Keras', async () => {
  const { missing, output } = await runExamples(PAGE, { exported: ['missing', 'output'] });
  expect(missing).toEqual(['bn.num_batches_tracked']);
  expectClose(output, [2 / Math.sqrt(4.001), 3 / Math.sqrt(1.001) + 1], { rtol: 1e-6 });
});
