/** Models beside their translations: what PyTorch computes with the source that toPyTorch wrote. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as E from '../../src/index.ts';
import {
  loadSafetensors,
  saveSafetensors,
  type ToPyTorchOptions,
  toPyTorch,
} from '../../src/state/index.ts';
import type { Sample } from '../describe/layers.ts';
import { TestRandom } from '../support/random.ts';

const script = fileURLToPath(new URL('nets.py', import.meta.url));

export interface Case extends Sample {
  readonly name: string;
  readonly options?: ToPyTorchOptions;
  /** Whether a training step is random, so that only predictions are compared. */
  readonly random?: boolean;
  /** The inputs' values, for those that are no random numbers. */
  readonly values?: readonly (readonly number[] | undefined)[];
  /** In the place of the usual one. */
  readonly tolerance?: number | undefined;
}

/** Where the models and PyTorch differ by more than 1e-5 of a tensor's largest value (or of 1). */
export function differences(cases: readonly Case[], tolerance = 1e-5): string[] {
  const folder = mkdtempSync(join(tmpdir(), 'nets-'));
  try {
    const expected = cases.map((one) => write(folder, one));
    const list = cases.map(({ name, indices }) => ({ name, whole: indices !== undefined }));
    writeFileSync(join(folder, 'cases.json'), JSON.stringify(list));
    execFileSync('/usr/bin/python3', ['-B', script, folder], {
      stdio: ['ignore', 'inherit', 'pipe'],
    });
    return cases.flatMap(({ name, random, tolerance: own = tolerance }, i) => {
      const { tensors } = loadSafetensors(readFileSync(join(folder, `${name}.out.safetensors`)));
      return compare(name, expected[i]!, tensors, own, random);
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

type Tensors = Record<string, E.Input>;

/** Writes the files of a case, and returns what the model itself computes. */
function write(folder: string, one: Case): Tensors {
  const { name, make, shape, masked, indices, values: own, options } = one;
  const random = new TestRandom(7);
  const shapes = (Array.isArray(shape[0]) ? shape : [shape]) as number[][];
  const x = shapes.map((each, i): E.Input => {
    const size = each.reduce((a, b) => a * b, 1);
    const mask = masked && i === 1;
    const given = own?.[i] ?? (mask ? cycle(size, (j) => (j % 3 ? 1 : 0)) : undefined);
    const whole = indices === undefined ? undefined : cycle(size, (j) => (5 * j) % indices);
    return { data: given ?? whole ?? random.normals(size), shape: each };
  });
  const model = make();
  const state = model.stateDict();
  const source = toPyTorch(model, options ?? { shape: shape as number[] });
  writeFileSync(join(folder, `${name}.py`), source);
  writeFileSync(join(folder, `${name}.safetensors`), saveSafetensors(state));
  const found: Tensors = { predict: model.predict(x) };
  const y = model.forward(x);
  found.y = y.clone();
  const dy: E.Input = { data: random.normals(y.size), shape: y.shape };
  const dx = [model.backward<E.Tensor | E.Tensor[]>(dy)].flat();
  for (const [i, each] of dx.entries()) found[`d x${i}`] = each.clone();
  for (const [key, { grad, requiresGrad, shape }] of model.namedParameters()) {
    if (requiresGrad) found[`d ${key}`] = grad?.clone() ?? E.Tensor.zeros(shape);
  }
  for (const [key, value] of Object.entries(model.stateDict())) found[`state ${key}`] = value;
  const inputs = Object.fromEntries(x.map((each, i) => [`x${i}`, each]));
  writeFileSync(join(folder, `${name}.in.safetensors`), saveSafetensors({ ...inputs, dy }));
  model.dispose();
  return found;
}

function cycle(size: number, value: (j: number) => number): number[] {
  return Array.from({ length: size }, (_, j) => value(j));
}

function compare(
  name: string,
  expected: Tensors,
  got: Tensors,
  tolerance: number,
  random = false,
): string[] {
  const keys = (tensors: Tensors) => (random ? ['predict'] : Object.keys(tensors).sort());
  if (`${keys(expected)}` !== `${keys(got)}`)
    return [`${name}: ${keys(got)}, not ${keys(expected)}`];
  return keys(expected).flatMap((key) => {
    const [a, b] = [expected[key]!, got[key]!];
    if (`${a.shape}` !== `${b.shape}`)
      return [`${name}: ${key} has shape [${b.shape}], not [${a.shape}]`];
    const [ours, theirs] = [a, b].map((each) => (each as E.Tensor).toArray());
    const largest = ours!.reduce((most, value) => Math.max(most, Math.abs(value)), 1);
    const worst = ours!.reduce((most, value, i) => {
      const off = Math.abs(value - theirs![i]!);
      return Number.isNaN(off) ? Infinity : Math.max(most, off);
    }, 0);
    return worst <= tolerance * largest
      ? []
      : [`${name}: ${key} differs by ${worst} of ${largest}`];
  });
}
