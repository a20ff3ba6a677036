/** The full CNN beside PyTorch, step by step, from PyTorch's state before each. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { it } from 'vitest';
import { cnn } from '../../examples/train/network.ts';
import { compareSteps } from '../support/steps.ts';
import { shippedImages } from '../support/training.ts';

const script = fileURLToPath(new URL('../goldens/training.py', import.meta.url));

it('60 steps of the CNN with batch norm have PyTorch’s loss, gradients and moments', async () => {
  const python = spawn('/usr/bin/python3', [script, '--stream'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const chunks = python.stdout[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  let rest: Buffer = Buffer.alloc(0);
  const read = async (n: number): Promise<Float32Array> => {
    const parts = [rest];
    let length = rest.length;
    while (length < n * 4) {
      const { value, done } = await chunks.next();
      if (done) throw new Error('PyTorch ended early');
      parts.push(value);
      length += value.length;
    }
    const bytes = Buffer.concat(parts);
    rest = bytes.subarray(n * 4);
    return new Float32Array(Uint8Array.from(bytes.subarray(0, n * 4)).buffer);
  };
  using model = cnn();
  await compareSteps(model, read, await shippedImages(), 60);
  python.kill();
});
