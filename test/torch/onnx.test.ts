/** What PyTorch's own exporter writes: each network predicts what PyTorch computes, has its names and trains. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, it } from 'vitest';
import { MSELoss, SGD, Tensor } from '../../src/index.ts';
import { fromONNX } from '../../src/onnx/index.ts';
import { expectClose } from '../onnx/compare.ts';

interface Case {
  readonly x: number[];
  readonly y: number[];
  /** PyTorch's names of the parameters. */
  readonly names: string[];
}

const folder = mkdtempSync(join(tmpdir(), 'onnx-'));
afterAll(() => rmSync(folder, { recursive: true }));
const script = fileURLToPath(new URL('onnx.py', import.meta.url));
execFileSync('/usr/bin/python3', [script, folder], { stdio: ['ignore', 'ignore', 'inherit'] });
const cases = Object.entries<Case>(JSON.parse(readFileSync(join(folder, 'shapes.json'), 'utf8')));

function tensor(file: string, shape: number[]): Tensor {
  const bytes = Uint8Array.from(readFileSync(join(folder, file)));
  return Tensor.from(new Float32Array(bytes.buffer), shape);
}

it.each(cases)('%s', (name, { x: xShape, y: yShape, names }) => {
  const model = fromONNX(readFileSync(join(folder, `${name}.onnx`)));
  const x = tensor(`${name}.x`, xShape);
  const y = tensor(`${name}.y`, yShape);
  expectClose(model.predict(x), y);
  // In evaluation PyTorch folds batch norms into weights, whose names are lost then.
  const own = model.namedParameters().map(([key]) => key);
  if (name.includes('-train-')) expect(names).toEqual(expect.arrayContaining(own));
  if (own.length === 0) return;
  const loss = new MSELoss();
  const optimizer = new SGD(model.parameters(), { lr: 0.01 });
  const target = Tensor.zeros(yShape);
  const step = () => {
    const value = loss.forward(model.forward(x), target);
    optimizer.zeroGrad();
    model.backward(loss.backward());
    optimizer.step();
    return value;
  };
  const first = step();
  for (let i = 0; i < 20; i++) step();
  if (/resnet|deconvolution|nearest|bilinear|lenet|signals/.test(name))
    expect(step()).toBeLessThan(first);
  model.dispose();
});
