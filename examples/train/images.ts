/** Reads images and labels from a folder of MNIST-style files. */
import { access, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type IdxArray, readIdx } from 'evenkeel/data';
import type { Options } from './options.ts';

export interface Images {
  /** Bytes, [N, height, width]. */
  inputs: IdxArray;
  targets: Uint8Array;
}

export interface Data {
  folder: string;
  train: Images;
  test: Images;
}

const SHIPPED = fileURLToPath(new URL('../../data/fashion-mnist', import.meta.url));
const DEBIAN = '/usr/share/datasets/fashion-mnist';

/** @throws Error with a one-line message if files are missing or do not match each other */
export async function readImages({ data, full }: Pick<Options, 'data' | 'full'>): Promise<Data> {
  if (full && !(await exists(DEBIAN))) {
    throw new Error(
      `--full: expected ${DEBIAN}, got no such folder: install Debian's dataset-fashion-mnist, or pass ` +
        '--data',
    );
  }
  const folder = data ?? (full ? DEBIAN : SHIPPED);
  return { folder, train: await readSplit(folder, 'train'), test: await readSplit(folder, 't10k') };
}

async function readSplit(folder: string, split: string): Promise<Images> {
  const inputs = await readFileOf(folder, `${split}-images-idx3-ubyte`);
  const labels = await readFileOf(folder, `${split}-labels-idx1-ubyte`);
  const [count, height, width] = inputs.shape;
  if (inputs.shape.length !== 3 || height !== 28 || width !== 28) {
    throw new Error(`${folder}: ${split} images expected [N, 28, 28], got [${inputs.shape}]`);
  }
  if (labels.shape.length !== 1 || labels.shape[0] !== count) {
    throw new Error(`${folder}: ${split} expected ${count} labels, got [${labels.shape}]`);
  }
  const invalid = labels.data.find((label) => label > 9);
  if (invalid !== undefined)
    throw new Error(`${folder}: ${split} labels expected 0 to 9, got ${invalid}`);
  return { inputs, targets: labels.data };
}

async function readFileOf(folder: string, name: string): Promise<IdxArray> {
  for (const path of [join(folder, `${name}.gz`), join(folder, name)]) {
    if (!(await exists(path))) continue;
    try {
      return await readIdx(await readFile(path));
    } catch (error) {
      throw new Error(`${path}: ${(error as Error).message}`);
    }
  }
  throw new Error(`${folder}: expected ${name}.gz or ${name}, got neither`);
}

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );
