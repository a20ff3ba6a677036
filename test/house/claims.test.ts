/** The experiments of `npm run claims`, in a setting so small that they only show that they work. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import {
  FULL,
  product,
  QUICK,
  type Result,
  type Setting,
} from '../../examples/claims/experiment.ts';
import { EXPERIMENTS } from '../../examples/claims/experiments/index.ts';
import { compute } from '../../examples/claims/jobs.ts';
import { readOptions } from '../../examples/claims/options.ts';
import { readRecord, write } from '../../examples/claims/record.ts';
import { interval, isAbove, meanText, percentText } from '../../examples/claims/statistics.ts';
import { Store } from '../../examples/claims/store.ts';
import { percentiles } from '../../examples/shared/percentiles.ts';
import { type Data, type Images, readImages } from '../../examples/train/images.ts';

const COMMITTED = fileURLToPath(new URL('../../docs/claims', import.meta.url));

const TINY: Setting = { name: 'quick', seeds: [1, 2], steps: () => 12, some: QUICK.some };

/** The first images. */
function few({ inputs, targets }: Images, count: number): Images {
  const data = inputs.data.subarray(0, count * 784);
  return { inputs: { data, shape: [count, 28, 28] }, targets: targets.subarray(0, count) };
}

function inFolder<T>(work: (folder: string) => T): T {
  const folder = mkdtempSync(join(tmpdir(), 'claims-'));
  try {
    return work(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

describe.each(EXPERIMENTS.map((experiment) => [experiment.key, experiment] as const))(
  'experiment %s',
  (_key, experiment) => {
    it('has each run once, fewer in the quick setting, and computes them', async () => {
      for (const setting of [FULL, QUICK, TINY]) {
        const runs = experiment.runs(setting).map((run) => JSON.stringify(run));
        expect(new Set(runs).size).toBe(runs.length);
      }
      expect(experiment.runs(QUICK).length).toBeLessThan(experiment.runs(FULL).length);
      const images = await readImages({});
      const data: Data = { ...images, train: few(images.train, 1000), test: few(images.test, 200) };
      const results: Result[] = experiment.runs(TINY).map((run) => {
        const small = { ...run, ...(run.images ? { images: 64 } : {}) };
        return { run, measured: experiment.measure(small, data, () => {}), seconds: 1 };
      });
      const { holds, because } = experiment.judge(results);
      expect(['holds', 'holds in part', 'does not hold']).toContain(holds);
      expect(because).not.toMatch(/NaN|undefined|Infinity/);
      const { head, rows } = experiment.table(results);
      for (const row of rows) expect(row).toHaveLength(head.length);
      expect(rows.flat().join(' ')).not.toMatch(/NaN|undefined|Infinity/);
      for (const { svg } of experiment.figures(results)) expect(svg).toMatch(/<svg[\s\S]*<\/svg>/);
    }, 60_000);
  },
);

describe('intervals over seeds', () => {
  it('are those of Student’s t', () => {
    // s = 1, n = 3: 4.303/√3
    expect(interval([1, 2, 3])).toMatchObject({ mean: 2 });
    expect(interval([1, 2, 3]).half).toBeCloseTo(2.4843, 3);
    expect(meanText([1, 2, 3], 2)).toBe('2.00 ± 2.48');
    expect(percentText([0.5])).toBe('50.0 %');
  });

  it('tell whether one mean is above another', () => {
    expect(isAbove([3, 3.1, 3.2], [1, 1.1, 1.2])).toBe(true);
    expect(isAbove([1, 1.1, 1.2], [3, 3.1, 3.2])).toBe(false);
    // t = 1/√(1/3 + 1/3) = 1.22 < 2.776, and 3/√(2/3) = 3.67
    expect(isAbove([2, 3, 4], [1, 2, 3])).toBe(false);
    expect(isAbove([4, 5, 6], [1, 2, 3])).toBe(true);
    expect(isAbove([2], [1])).toBe(true);
  });

  it('and percentiles are interpolated', () => {
    expect(percentiles([4, 1, 3, 2, 5], [0, 0.25, 0.5, 0.9, 1])).toEqual([1, 2, 3, 4.6, 5]);
  });
});

describe('results', () => {
  it('are kept by what the run depends on', () => {
    inFolder((folder) => {
      const store = new Store(join(folder, 'runs'));
      const [a, b] = product({ lr: [0.1, 0.2], seed: [1] });
      const result = { run: a!, measured: { numbers: { accuracy: 1 / 3 } }, seconds: 2 };
      store.set('a', result);
      const known = { ...result, measured: { numbers: { accuracy: 0.33333 } } };
      expect(new Store(join(folder, 'runs')).get('a', a!)).toEqual(known);
      expect(store.get('a', b!)).toBeUndefined();
      expect(store.get('b', a!)).toBeUndefined();
      store.clear();
      expect(store.get('a', a!)).toBeUndefined();
    });
  });

  it('come from several processes, and a run that fails says which', async () => {
    const found: Result[] = [];
    const runs = product({ part: ['canyon'], seed: [1, 2, 3] });
    const listener = {
      progress: () => {},
      result: (_: object, result: Result) => void found.push(result),
    };
    const requests = runs.map((run) => ({ key: 'e', run }));
    await compute(requests, 2, undefined, listener);
    expect(found.map(({ run }) => run.seed).sort()).toEqual([1, 2, 3]);
    const broken = [{ key: 'e', run: { part: 'surface', norm: 'none', steps: 1, seed: 0.5 } }];
    await expect(compute(broken, 2, undefined, listener)).rejects.toThrow(/^e \{"part":"surface"/);
  }, 60_000);
});

describe('the report in docs/claims', () => {
  it('is what its results give', () => {
    inFolder((folder) => {
      write(readRecord(join(COMMITTED, 'results.json')), folder);
      const files = readdirSync(COMMITTED).filter((name) => /\.(html|svg|json)$/.test(name));
      expect(readdirSync(folder).sort()).toEqual(files.sort());
      for (const name of files) {
        const [now, then] = [folder, COMMITTED].map((at) => readFileSync(join(at, name), 'utf8'));
        expect(
          now === then,
          `${name} differs: npm run claims -- --render docs/claims/results.json --out docs/claims`,
        ).toBe(true);
      }
    });
  });

  it('has every experiment, with three seeds or more', () => {
    const { conditions, results } = readRecord(join(COMMITTED, 'results.json'));
    expect(conditions.setting).toBe('full');
    for (const { key, runs } of EXPERIMENTS) {
      expect(results[key]!.map(({ run }) => run)).toEqual(runs(FULL));
    }
    expect(FULL.seeds.length).toBeGreaterThanOrEqual(3);
    expect(existsSync(join(COMMITTED, 'index.html'))).toBe(true);
  });
});

describe('npm run claims', () => {
  it('reads its options', () => {
    const options = readOptions(['--quick', '--only', 'a,c', '--jobs', '3'], ['a', 'b', 'c']);
    expect(options).toMatchObject({ quick: true, only: ['a', 'c'], jobs: 3, out: 'out/claims' });
  });
});
