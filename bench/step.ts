/**
 * One training step, batch 100, Adam: the MLP and the CNN of bench/networks.ts with batch norm.
 *
 *   npx tsx bench/step.ts [mlp|cnn] [--python]     --python runs PyTorch (one thread) in turn with ours
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Adam, CrossEntropyLoss, manualSeed, memoryUsage, type Sequential } from 'evenkeel';
import { cnn, mlp } from './networks.ts';

const BATCH = 100;
const ROUNDS = 7;

const wanted = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));
const works: Record<string, { model: () => Sequential; shape: number[]; steps: number }> = {
  mlp: { model: () => mlp([784, 200, 100, 60, 30, 10]), shape: [BATCH, 784], steps: 100 },
  cnn: { model: () => cnn(), shape: [BATCH, 1, 28, 28], steps: 5 },
};

/** PyTorch in a process of its own: told a network, it answers with ms a step. */
class PyTorch {
  private readonly python = spawn(
    '/usr/bin/python3',
    [fileURLToPath(new URL('step.py', import.meta.url))],
    { stdio: ['pipe', 'pipe', 'ignore'] },
  );
  private readonly lines = createInterface(this.python.stdout);

  async time(name: string, steps: number): Promise<number> {
    this.python.stdin.write(`${name} ${steps}\n`);
    return Number((await once(this.lines, 'line'))[0]);
  }

  close(): void {
    this.python.kill();
  }
}

function median(values: number[]): number {
  return values.sort((a, b) => a - b)[values.length >> 1]!;
}

const python = process.argv.includes('--python') ? new PyTorch() : undefined;
for (const [name, { model: make, shape, steps }] of Object.entries(works)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  manualSeed(1);
  const model = make();
  const loss = new CrossEntropyLoss();
  const optimizer = new Adam(model.parameters(), { lr: 1e-3 });
  const size = shape.reduce((product, extent) => product * extent, 1);
  const inputs = {
    data: Float32Array.from({ length: size }, (_, i) => ((i * 37) % 256) / 255),
    shape,
  };
  const targets = Int32Array.from({ length: BATCH }, (_, i) => i % 10);
  const run = (n: number): number => {
    const began = performance.now();
    for (let i = 0; i < n; i++) {
      loss.forward(model.forward(inputs), targets);
      optimizer.zeroGrad();
      model.backward(loss.backward());
      optimizer.step();
    }
    return (performance.now() - began) / n;
  };
  run(steps);
  await python?.time(name, steps);
  const ours: number[] = [];
  const theirs: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    ours.push(run(steps));
    if (python) theirs.push(await python.time(name, steps));
  }
  const [a, b] = [median(ours), median(theirs)];
  const ratio = python ? `, PyTorch ${b.toFixed(2)} ms, ratio ${(a / b).toFixed(2)}` : '';
  const memory = (memoryUsage().total / 1048576).toFixed(1);
  console.log(`${name} step: ${a.toFixed(2)} ms${ratio}; linear memory ${memory} MiB`);
  model.dispose();
  optimizer.dispose();
}
python?.close();
