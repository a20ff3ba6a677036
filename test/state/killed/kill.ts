/** Kills a process that trains and stores checkpoints, again and again. */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { checkpointStore, loadCheckpoint, saveCheckpoint } from '../../../src/state/index.ts';
import { TestRandom } from '../../support/random.ts';
import { checkpoints, setUp } from './run.ts';

/** The longest time in ms that a process goes on before it is killed. */
const LONGEST = 80;

export interface Outcome {
  /** The steps that all processes together have stored. */
  steps: number;
  /** How many kills found a checkpoint half written. */
  halfWritten: number;
}

/**
 * Each process continues from what the one before left. That must load after each kill, and must hold at least the
 * steps that were reported as stored. At the end it must have the bits of a run that was never killed.
 *
 * @throws Error if not
 */
export async function killed(count: number, seed: number): Promise<Outcome> {
  const folder = mkdtempSync(join(tmpdir(), 'killed-'));
  try {
    const child = join(folder, 'child.mjs');
    await build({
      entryPoints: [fileURLToPath(new URL('child.ts', import.meta.url))],
      outfile: child,
      bundle: true,
      format: 'esm',
      platform: 'node',
      target: 'node20',
      logLevel: 'error',
    });
    const path = join(folder, 'run.safetensors');
    const random = new TestRandom(seed);
    let steps = 0;
    let halfWritten = 0;
    for (let i = 0; i < count; i++) {
      // Most begin to count when they have stored a step, the others at once.
      const lines = random.integer(4) > 0 ? 2 : 1;
      const reported = await killedOnce(child, path, lines, random.uniform() * LONGEST);
      if (existsSync(`${path}.new`)) halfWritten++;
      const bytes = await checkpointStore(path).read();
      if (!bytes) {
        if (reported > 0) throw new Error(`kill ${i}: ${reported} steps are stored, none is there`);
        continue;
      }
      const { extra } = loadCheckpoint(bytes, setUp());
      const found = extra.count as number;
      if (found < Math.max(reported, steps)) {
        throw new Error(`kill ${i}: ${reported} and ${steps} steps were stored, got ${found}`);
      }
      steps = found;
    }
    const survivor = setUp();
    const bytes = await checkpointStore(path).read();
    loadCheckpoint(bytes!, survivor);
    const whole = setUp();
    for await (const { count } of checkpoints(whole)) if (count === steps) break;
    if (Buffer.compare(saveCheckpoint(whole), saveCheckpoint(survivor)) !== 0) {
      throw new Error(`after ${steps} steps expected the bits of a run without kills, got others`);
    }
    return { steps, halfWritten };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Starts the process, kills it `delay` ms after it has said so many lines, and gives the steps that it reported. */
function killedOnce(child: string, path: string, lines: number, delay: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const running = spawn(process.execPath, [child, path], { stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    let errors = '';
    let killing: NodeJS.Timeout | undefined;
    running.stdout.on('data', (text) => {
      output += text;
      if (output.split('\n').length <= lines) return;
      killing ??= setTimeout(() => running.kill('SIGKILL'), delay);
    });
    running.stderr.on('data', (text) => {
      errors += text;
    });
    running.on('error', reject);
    running.on('close', (code, signal) => {
      clearTimeout(killing);
      if (signal !== 'SIGKILL') {
        reject(
          new Error(`expected a process that is killed, got one that ended (${code}): ${errors}`),
        );
      }
      // The last line may be cut off.
      resolve(Number(output.split('\n').slice(1, -1).at(-1) ?? 0));
    });
  });
}
