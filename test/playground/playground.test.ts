/** The parts of the playground that need no browser. */
import { describe, expect, it } from 'vitest';
import { diagnosis } from '../../playground/page/diagnosis.ts';
import { History } from '../../playground/page/history.ts';
import type { LayerReport, Report } from '../../playground/protocol.ts';
import {
  CHOICES,
  DEFAULTS,
  fromHash,
  networkName,
  type Settings,
  toHash,
} from '../../playground/settings.ts';
import { canyon } from '../../playground/worker/canyon.ts';
import { network } from '../../playground/worker/network.ts';
import { Run } from '../../playground/worker/run.ts';
import { toy, toyClasses, toyTest } from '../../playground/worker/toys.ts';

const SMALL: Settings = {
  ...DEFAULTS,
  data: 'xor',
  depth: '2',
  width: '8',
  batch: '16',
  lr: '0.3',
};

describe('settings', () => {
  it('go into an address and come back', () => {
    const settings: Settings = { ...DEFAULTS, data: 'spiral', a: 'renorm', lr: '0.003', seed: '4' };
    expect(fromHash(`#${toHash(settings)}`)).toEqual(settings);
  });

  it('are as by default where the address has none, or an unknown one', () => {
    expect(fromHash('')).toEqual(DEFAULTS);
    expect(fromHash('#lr=7&depth=3&other=1')).toEqual({ ...DEFAULTS, depth: '3' });
  });

  it('name the networks', () => {
    expect(networkName(DEFAULTS, 'a')).toBe('With batch norm');
    expect(networkName(DEFAULTS, 'b')).toBe('Without normalization');
  });
});

describe('History', () => {
  it('keeps a bounded number of rows, evenly over all steps', () => {
    const history = new History(1);
    for (let step = 0; step < 10_000; step++) history.push(step, [2 * step]);
    const [steps, values] = history.columns as [number[], number[]];
    expect(steps.length).toBeLessThanOrEqual(601);
    expect(steps.length).toBeGreaterThan(250);
    const apart = steps.slice(1).map((step, i) => step - steps[i]!);
    expect(new Set(apart).size).toBe(1);
    expect(steps[0]).toBe(0);
    expect(steps.at(-1)).toBeGreaterThan(9_900);
    expect(values).toEqual(steps.map((step) => 2 * step));
  });

  it('leaves a gap where a value is not finite', () => {
    const history = new History(2);
    history.push(1, [Number.NaN, 3]);
    expect(history.columns).toEqual([[1], [null], [3]]);
  });
});

describe('toys', () => {
  it.each(['spiral', 'circles', 'xor', 'gaussians'] as const)('%s', (name) => {
    const { inputs, targets } = toy(name, 300, 1);
    expect(new Set(targets).size).toBe(toyClasses(name));
    expect(inputs.data.every((x) => Math.abs(x) < 1.5)).toBe(true);
    expect(toy(name, 300, 1).inputs.data).toEqual(inputs.data);
    expect(toy(name, 300, 2).inputs.data).not.toEqual(inputs.data);
    expect(toyTest(name).inputs.data).not.toEqual(inputs.data);
  });

  it('xor has its classes in opposite quadrants', () => {
    const { inputs, targets } = toy('xor', 200, 1);
    targets.forEach((label, i) => {
      expect(inputs.data[2 * i]! * inputs.data[2 * i + 1]! > 0).toBe(label === 0);
    });
  });
});

describe('networks', () => {
  const norms = CHOICES.a.map(({ value }) => value);
  const widths = CHOICES.width.map(({ value }) => value);
  it.each(norms.flatMap((norm) => widths.map((width) => [norm, width] as const)))(
    '%s, %s units, both placements',
    (norm, width) => {
      for (const placement of ['before', 'after'] as const) {
        const settings: Settings = { ...SMALL, width, placement };
        const model = network(settings, norm, 2, 3);
        const { inputs } = toy('xor', 16, 1);
        expect(model.forward(inputs as never).shape).toEqual([16, 3]);
        const names = Object.keys(model.stateDict());
        expect(names.includes('norm1.weight')).toBe(norm !== 'none');
        model.dispose();
      }
    },
  );

  it('begin with the same weights, whatever the norm, and the scale multiplies them', () => {
    const weight = (settings: Settings, norm: Settings['a']) =>
      network(settings, norm, 2, 2).stateDict()['linear2.weight']!.toArray();
    const plain = weight(SMALL, 'none');
    expect(weight(SMALL, 'batch')).toEqual(plain);
    const large = weight({ ...SMALL, scale: '10' }, 'none');
    expect(large[3]! / plain[3]!).toBeCloseTo(10, 4);
  });
});

function runOf(settings: Settings, which: 'a' | 'b' = 'a') {
  const answers: unknown[] = [];
  const port = { onmessage: undefined as unknown, postMessage: (a: unknown) => answers.push(a) };
  const start = { settings, which, folder: '', port: port as unknown as MessagePort };
  const data = { train: toy('xor', 320, 1), test: toyTest('xor'), features: 2, classes: 2 };
  const run = new Run(start, data);
  const say = (command: object) => (port.onmessage as (event: object) => void)({ data: command });
  return { run, say, answers };
}

async function reportsUntil(settings: Settings, step: number): Promise<Report[]> {
  const { run, say } = runOf(settings);
  say({ kind: 'until', step });
  const reports: Report[] = [];
  for await (const report of run.reports()) {
    reports.push(report);
    if (report.step >= step) break;
  }
  return reports;
}

describe('a run', () => {
  it('reports the untrained network first, then trains as far as it may, and no farther', async () => {
    const reports = await reportsUntil({ ...SMALL, activation: 'tanh' }, 300);
    expect(reports[0]!.step).toBe(0);
    const last = reports.at(-1)!;
    expect(last.step).toBe(300);
    expect(last.test.accuracy).toBeGreaterThan(0.9);
    expect(last.train.loss).toBeLessThan(reports[0]!.train.loss);
    expect(last.plane!.classes.length).toBe(1600);
  });

  it('tells what the layers do', async () => {
    const [{ layers }] = (await reportsUntil(SMALL, 1)).slice(-1) as [Report];
    expect(layers.length).toBe(2);
    const { before, after, statistics, affine, gradientNorm } = layers[0]!;
    expect(before.mean).toBeCloseTo(0, 4); // batch norm has made it so
    expect(before.sd).toBeCloseTo(1, 2);
    expect(after.percentiles.every((y) => y > 0 && y < 1)).toBe(true); // a sigmoid's outputs
    expect([...after.percentiles].sort((x, y) => x - y)).toEqual(after.percentiles);
    expect(after.histogram.counts.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 4);
    expect(statistics!.batchMean.length).toBe(8);
    expect(affine!.gamma.length).toBe(8);
    expect(gradientNorm).toBeGreaterThan(0);
  });

  it('trains to the same weights, however it is cut into reports', async () => {
    const { run, say } = runOf(SMALL);
    const reports = run.reports();
    await reports.next();
    for (let step = 1; step <= 20; step++) {
      say({ kind: 'until', step });
      expect((await reports.next()).value!.step).toBe(step);
    }
    const whole = runOf(SMALL);
    whole.say({ kind: 'until', step: 20 });
    for await (const { step } of whole.run.reports()) if (step === 20) break;
    expect(run.model.stateDict()).toEqual(whole.run.model.stateDict());
  });
});

it('the canyon has the loss of the present weights in its middle, and is lower downhill', () => {
  const probe = network(SMALL, 'none', 2, 2);
  const [batch, other] = [toy('xor', 64, 1), toy('xor', 64, 2)];
  const rows = canyon(probe, batch, other, { lr: 0.1, step: 7 });
  let row = rows.next();
  while (!row.done) row = rows.next();
  const { cells, losses, step, stepLength } = row.value;
  expect(step).toBe(7);
  const middle = (cells * cells - 1) / 2;
  expect(losses[middle + 1]!).toBeLessThan(losses[middle]!);
  expect(losses[middle - 1]!).toBeGreaterThan(losses[middle]!);
  expect(stepLength).toBeGreaterThan(0);
});

describe('the diagnosis', () => {
  const layer = { gradientNorm: 0.5, before: { sd: 1.04 } } as LayerReport;
  const report: Report = {
    step: 100,
    train: { loss: 0.5, accuracy: 0.9 },
    test: { loss: 0.5, accuracy: 0.88 },
    imagesPerSecond: 1,
    layers: [layer, { ...layer, gradientNorm: 0.25 }],
    ailments: [],
    failed: false,
  };

  it('has the figures of a network that learns', () => {
    expect(diagnosis(report, DEFAULTS)).toMatch(/^It learns.*0\.5 at the first, 0\.25.* sd of 1\./);
  });

  it('says first what is wrong', () => {
    expect(diagnosis({ ...report, ailments: ['One.', 'Two.'] }, DEFAULTS)).toBe('One.');
    expect(diagnosis({ ...report, failed: true }, DEFAULTS)).toMatch(/no number.*0\.1/);
    const lags = { ...report, test: { loss: 1, accuracy: 0.6 } };
    expect(diagnosis(lags, DEFAULTS)).toMatch(/90 %.*60 %.*running/);
    expect(diagnosis({ ...report, test: { loss: 2, accuracy: 0.12 } }, DEFAULTS)).toMatch(/hardly/);
  });
});
