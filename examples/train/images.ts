/** Reads images and labels from a folder of MNIST-style files. */
import { readFile } from 'node:fs/promises';
import { type IdxArray, readIdx } from 'evenkeel/data';
import { findFiles, type Split } from './files.ts';
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

/** @throws Error with a one-line message if files are missing or do not match each other */
export async function readImages(options: Pick<Options, 'data' | 'full'>): Promise<Data> {
  const { folder, train, test } = await findFiles(options);
  return {
    folder,
    train: await readSplit(`${folder}: train`, train),
    test: await readSplit(`${folder}: t10k`, test),
  };
}

async function readSplit(name: string, paths: Split): Promise<Images> {
  const inputs = await readFileOf(paths.images);
  const labels = await readFileOf(paths.labels);
  const [count, height, width] = inputs.shape;
  if (inputs.shape.length !== 3 || height !== 28 || width !== 28) {
    throw new Error(`${name} images expected [N, 28, 28], got [${inputs.shape}]`);
  }
  if (labels.shape.length !== 1 || labels.shape[0] !== count) {
    throw new Error(`${name} expected ${count} labels, got [${labels.shape}]`);
  }
  const invalid = labels.data.find((label) => label > 9);
  if (invalid !== undefined) throw new Error(`${name} labels expected 0 to 9, got ${invalid}`);
  return { inputs, targets: labels.data };
}

async function readFileOf(path: string): Promise<IdxArray> {
  try {
    return await readIdx(await readFile(path));
  } catch (error) {
    throw new Error(`${path}: ${(error as Error).message}`);
  }
}

const CLOTHING =
  'T-shirt, trousers, pullover, dress, coat, sandal, shirt, sneaker, bag, ankle boot'.split(', ');

/** The classes' names: pieces of clothing if the labels begin as those of Fashion-MNIST do, or else digits. */
export function classNames({ train, test }: Data): readonly string[] {
  const starts = `${train.targets.subarray(0, 10)} ${test.targets.subarray(0, 10)}`;
  const fashion = starts === '9,0,0,3,0,2,7,2,5,5 9,2,1,1,6,1,4,6,5,7';
  return fashion ? CLOTHING : CLOTHING.map((_, i) => `${i}`);
}
