/** The main job as a user runs it, on a small folder of data. Needs a build: it imports the package. */
import { spawn } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseHTML } from 'linkedom';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readIdx } from '../../src/data/index.ts';
import { loadSafetensors } from '../../src/state/index.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const shipped = join(root, 'data/fashion-mnist');

/** Each run begins with a build, which takes a second on an idle machine. */
const SLOW = { timeout: 180_000 };

const start = (...args: string[]) =>
  run(root, join(root, 'node_modules/.bin/tsx'), 'examples/train/main.ts', ...args);

function run(
  cwd: string,
  program: string,
  ...args: string[]
): Promise<{ code: number | null; out: string; err: string }> {
  const child = spawn(program, args, { cwd });
  let out = '';
  let err = '';
  child.stdout.on('data', (text) => {
    out += text;
  });
  child.stderr.on('data', (text) => {
    err += text;
  });
  return new Promise((resolve) => {
    child.on('close', (code) => resolve({ code, out, err }));
  });
}

describe('the shipped images', () => {
  it('are the first of Fashion-MNIST', async () => {
    const starts = { train: [9, 0, 0, 3, 0, 2, 7, 2, 5, 5], t10k: [9, 2, 1, 1, 6, 1, 4, 6, 5, 7] };
    for (const [split, count] of [
      ['train', 10_000],
      ['t10k', 2_000],
    ] as const) {
      const images = await readIdx(readFileSync(join(shipped, `${split}-images-idx3-ubyte.gz`)));
      const labels = await readIdx(readFileSync(join(shipped, `${split}-labels-idx1-ubyte.gz`)));
      expect(images.shape).toEqual([count, 28, 28]);
      expect(labels.shape).toEqual([count]);
      expect([...labels.data.subarray(0, 10)]).toEqual(starts[split]);
      const counts = new Array(10).fill(0);
      for (const label of labels.data) counts[label]++;
      expect(Math.min(...counts)).toBeGreaterThan(count * 0.09);
    }
  });
});

describe('npm start', () => {
  let folder = '';

  beforeAll(async () => {
    // A folder of plain files, the first images of the shipped ones.
    folder = mkdtempSync(join(tmpdir(), 'evenkeel-'));
    for (const [split, count] of [
      ['train', 600],
      ['t10k', 100],
    ] as const) {
      for (const name of [`${split}-images-idx3-ubyte`, `${split}-labels-idx1-ubyte`]) {
        const { shape, data } = await readIdx(readFileSync(join(shipped, `${name}.gz`)));
        const header = new DataView(new ArrayBuffer(4 + 4 * shape.length));
        header.setUint32(0, 0x800 + shape.length);
        [count, ...shape.slice(1)].forEach((extent, axis) => {
          header.setUint32(4 + 4 * axis, extent);
        });
        const part = data.subarray(0, (data.length / shape[0]!) * count);
        writeFileSync(join(folder, name), Buffer.concat([new Uint8Array(header.buffer), part]));
      }
    }
  });

  afterAll(() => rmSync(folder, { recursive: true }));

  it('documents its options', async () => {
    const { code, out, err } = await start('--help');
    expect(code).toBe(0);
    expect(err).toBe('');
    const options =
      'model epochs batch lr optimizer schedule seed batch-norm placement full data out';
    for (const option of options.split(' '))
      expect(out).toMatch(new RegExp(`^ +--${option} `, 'm'));
  });

  it('answers a bad option with one clear line and exit code 2', async () => {
    const cases: [string[], string][] = [
      [['--epochs', '0'], 'Expected a whole number from 1 to 1000'],
      [['--lr', 'fast'], 'Expected a number from 0 to 100'],
      [['--model', 'rnn'], 'Allowed choices are cnn, mlp'],
      [['--batchnorm', 'on'], "unknown option '--batchnorm'"],
      [['--data', '/nowhere'], '/nowhere: expected train-images-idx3-ubyte.gz or'],
      [['--data', shipped, '--full'], "cannot be used with option '--data"],
      [['mlp'], 'too many arguments'],
      [
        ['--data', folder, '--batch', '700'],
        '--batch: expected at most the 600 training images, got 700',
      ],
      [
        ['--out', 'package.json/out'],
        '--out: expected a folder that can be made, got package.json/out',
      ],
    ];
    await Promise.all(
      cases.map(async ([args, message]) => {
        const { code, out, err } = await start(...args);
        expect(err).toContain(message);
        expect(err).toMatch(/^error: .+\n$/);
        expect(out).not.toContain('test accuracy');
        expect(code).toBe(2);
      }),
    );
  });

  it('trains with and without batch norm, and writes weights and a report', SLOW, async () => {
    const outs = [join(folder, 'first'), join(folder, 'second')];
    const runs = await Promise.all(
      outs.map((out) =>
        start('--model', 'mlp', '--data', folder, '--batch', '50', '--epochs', '3', '--out', out),
      ),
    );
    for (const { code, out, err } of runs) {
      expect(err).toBe('');
      expect(code).toBe(0);
      expect(out).toMatch(/with batch norm: step 36 of 36, loss \d\.\d{4}, accuracy \d+\.00 %/);
      expect(out).toMatch(
        /^with batch norm +(\d+\.\d\d % +){4}(\d+|not reached) +\d+ +\d+\.\d s$/m,
      );
      expect(out).toMatch(
        /^without batch norm +(\d+\.\d\d % +){4}(\d+|not reached) +\d+ +\d+\.\d s$/m,
      );
      expect(out).toMatch(/\ntest accuracy \d+\.\d\d %\n$/);
      const row = out.match(/^with batch norm +.*$/m)![0].split(/ {2,}/);
      expect(out.trim().endsWith(`test accuracy ${row[4]}`)).toBe(true);
      expect(Number.parseFloat(row[4]!)).toBeGreaterThan(50);
    }
    const [first, second] = outs.map((out) => {
      const files = ['with-batch-norm.safetensors', 'without-batch-norm.safetensors'];
      return files.map((file) => readFileSync(join(out, file)));
    });
    expect(first).toEqual(second); // one seed, one result
    const { tensors, metadata } = loadSafetensors(first![0]!);
    expect(tensors['layer1.weight']!.shape).toEqual([200, 784]);
    expect(tensors['bn4.running_var']!.shape).toEqual([30]);
    expect(tensors['bn4.num_batches_tracked']!.item()).toBe(36);
    expect(metadata).toMatchObject({ network: 'mlp', seed: '1' });
    expect(loadSafetensors(first![1]!).tensors).not.toHaveProperty(['bn4.weight']);
    const rows = runs[0]!.out.match(/^with(out)? batch norm +.*$/gm)!;
    checkReport(readFileSync(join(outs[0]!, 'report.html'), 'utf8'), rows);
  });

  it('checks the options before it builds, and builds before it trains', SLOW, async () => {
    // A copy of the project, whose build only says that it ran.
    const copy = join(folder, 'project');
    for (const part of ['examples', 'package.json', 'tsconfig.json', 'scripts/run.ts']) {
      cpSync(join(root, part), join(copy, part), { recursive: true });
    }
    for (const part of ['node_modules', 'data', 'dist', 'src']) {
      symlinkSync(join(root, part), join(copy, part));
    }
    const npm = (...args: string[]) => run(copy, 'npm', 'start', '--', ...args);
    const build = (code: string) => writeFileSync(join(copy, 'scripts/build.ts'), code);

    build("console.log('it builds');");
    for (const typo of [['--typo'], ['--epochs', '0'], ['--data', '/nowhere']]) {
      const { code, out, err } = await npm(...typo);
      expect(out).not.toContain('it builds');
      expect(err).toMatch(/^error: /m);
      expect(code).not.toBe(0);
    }
    const few = ['--model', 'mlp', '--batch-norm', 'on', '--data', folder, '--epochs', '1'];
    const { out, code } = await npm(...few);
    expect(code).toBe(0);
    expect(out).toMatch(/it builds\n[\s\S]*step 6 of 6[\s\S]*\ntest accuracy \d+\.\d\d %\n$/);

    build('process.exit(1);');
    const failed = await npm(...few);
    expect(failed.code).not.toBe(0);
    expect(failed.err).toContain('scripts/build.ts');
    expect(failed.out).not.toContain('step 6');
  });
});

/** What the report of two perceptrons shows, beside the lines that were printed. */
function checkReport(report: string, rows: readonly string[]): void {
  expect(report).not.toMatch(/(src|href)="http/);
  // Base64 may contain any word.
  expect(report.replaceAll(/data:image[^"]+/g, '')).not.toMatch(/NaN|undefined|Infinity/);
  const { document } = parseHTML(report);
  const texts = (selector: string) =>
    [...document.querySelectorAll(selector)].map((node) =>
      node.textContent!.replaceAll('\u00a0', ' '),
    );
  // Accuracy, loss, and what enters the four ReLUs of both networks.
  expect(texts('svg text').filter((text) => text === 'step →')).toHaveLength(10);
  expect(texts('svg text')).toContain('layer 4, without batch norm');

  const cells = texts('.results td');
  for (const [n, row] of rows.entries()) {
    const [, untrained, ...rest] = row.split(/ {2,}/);
    const column = cells.filter((_, i) => i % 2 === n);
    expect(column).toEqual([untrained, ...rest]);
  }

  const matrices = [...document.querySelectorAll('.matrix')];
  expect(matrices).toHaveLength(2);
  for (const [n, matrix] of matrices.entries()) {
    const counts = [...matrix.querySelectorAll('tr')]
      .slice(1)
      .map((row) => [...row.querySelectorAll('td')].map((cell) => Number(cell.textContent)));
    expect(counts.flat().reduce((a, b) => a + b)).toBe(100);
    const right = counts.reduce((sum, row, i) => sum + row[i]!, 0);
    expect(`${right}.00 %`).toBe(rows[n]!.split(/ {2,}/)[4]);
    expect(matrix.textContent).toContain('ankle boot');
  }

  const [wrong, right] = [...document.querySelectorAll('.gallery')].map((gallery) =>
    [...gallery.querySelectorAll('li')].map((card) => [...card.querySelectorAll('span')]),
  );
  const better = Number.parseInt(cells[6]!, 10) >= Number.parseInt(cells[7]!, 10) ? 0 : 1;
  expect(wrong!.length).toBeGreaterThan(2);
  expect(right!.length).toBeGreaterThan(2);
  for (const answers of wrong!) expect(answers[better]!.className).toBe('wrong');
  for (const answers of right!) expect(answers[better]!.className).toBe('right');
  const sure = wrong!.map((answers) =>
    Number.parseInt(answers[better]!.textContent!.match(/(\d+)\u00a0%/)![1]!, 10),
  );
  expect(sure).toEqual([...sure].sort((a, b) => b - a));
}
