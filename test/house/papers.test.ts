/** examples/papers: short runs, which a model that does not learn fails, and the sizes of the files. */
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { train as contrastive } from '../../examples/papers/contrastive.js';
import { train as dcgan } from '../../examples/papers/dcgan.js';
import { train as gru } from '../../examples/papers/gru.js';
import { train as seresnet } from '../../examples/papers/seresnet.js';
import { train as transformer } from '../../examples/papers/transformer.js';
import { train as unet } from '../../examples/papers/unet.js';
import { train as vae } from '../../examples/papers/vae.js';

const folder = fileURLToPath(new URL('../../examples/papers/', import.meta.url));

describe('learns in a short run', () => {
  it('vae', async () => {
    const { loss } = await vae({ images: 3000, epochs: 2 });
    expect(loss).toBeLessThan(325); // the same picture for all, their mean: 383
  });

  it.each(['layer', 'rms'])('transformer with %s norm', async (norm) => {
    const { loss } = await transformer({ norm, steps: 100 });
    expect(loss).toBeLessThan(1.25); // from the last character alone, 1.42; untrained 3.3
  });

  it('seresnet', async () => {
    const { accuracy } = await seresnet({ images: 2000, epochs: 1, batch: 25 });
    expect(accuracy).toBeGreaterThan(0.66);
  });

  it('gru', async () => {
    const { accuracy } = await gru({ signals: 1500, epochs: 6 });
    expect(accuracy).toBeGreaterThan(0.68); // a guess: 0.25
  });

  it('unet', async () => {
    const { overlap } = await unet({ images: 200, epochs: 1, batch: 10 });
    expect(overlap).toBeGreaterThan(0.8); // without the skips 0.77, the best threshold on single pixels 0.56
  });

  it('contrastive', async () => {
    const { loss, untrained, accuracy } = await contrastive({ images: 2000, epochs: 2 });
    expect(loss).toBeLessThan(4.3); // if all views look the same, ln 199 = 5.29
    expect(accuracy).toBeGreaterThan(untrained);
  });

  it('dcgan', async () => {
    const { energy } = await dcgan({ images: 1000, epochs: 6, batch: 40 });
    expect(energy).toBeLessThan(1.8); // untrained 2.6; one picture for all: more
  });
});

describe('each program', () => {
  const names = readdirSync(folder)
    .filter((file) => file.endsWith('.js') && file !== 'compare.js')
    .map((file) => file.replace('.js', ''));

  /** Lines with code: no comments, docstrings and empty lines. */
  const linesOf = (file: string) =>
    readFileSync(folder + file, 'utf8')
      .replace(/\/\*\*.*?\*\/|""".*?"""/gs, '')
      .split('\n')
      .filter((line) => /^\s*[^\s/#]/.test(line)).length;

  it.each(names.filter((name) => name !== 'run'))('%s is at most 1.3 × its twin', (name) => {
    expect(linesOf(`${name}.js`)).toBeLessThanOrEqual(1.3 * linesOf(`${name}.py`));
    expect(linesOf(`${name}.js`)).toBeLessThanOrEqual(150);
  });

  const start = (...args: string[]) =>
    promisify(execFile)(process.execPath, [`${folder}gru.js`, ...args]);

  it('prints one line', async () => {
    const { stdout } = await start('--signals', '100', '--epochs', '1');
    expect(stdout).toMatch(/^gru: accuracy 0\.\d{4}, \d+\.\d s of CPU time\n$/);
  });

  it('answers a bad option with what there is', async () => {
    await expect(start('--signal', '100')).rejects.toThrow(
      'options: --epochs --signals --batch --lr --seed',
    );
    await expect(start('--epochs', '-1')).rejects.toThrow('argument');
    await expect(start('--epochs', 'two')).rejects.toThrow(
      '--epochs expected a positive number, got two',
    );
  });
});
