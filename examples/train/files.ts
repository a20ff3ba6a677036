/**
 * Finds the files of a folder of MNIST-style data, and checks what the options ask for. Uses no part of the
 * package, so that it can run before the package is built.
 */
import { createReadStream } from 'node:fs';
import { access, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { createGunzip } from 'node:zlib';
import type { Options } from './options.ts';

const SHIPPED = fileURLToPath(new URL('../../data/fashion-mnist', import.meta.url));
const DEBIAN = '/usr/share/datasets/fashion-mnist';

/** The paths of images and labels. */
export interface Split {
  images: string;
  labels: string;
}

export interface Files {
  folder: string;
  train: Split;
  test: Split;
}

/** @throws Error with a one-line message if a file is missing */
export async function findFiles({ data, full }: Pick<Options, 'data' | 'full'>): Promise<Files> {
  if (full && !(await exists(DEBIAN))) {
    throw new Error(
      `--full: expected ${DEBIAN}, got no such folder: install Debian's dataset-fashion-mnist, or pass ` +
        '--data',
    );
  }
  const folder = data ?? (full ? DEBIAN : SHIPPED);
  const split = async (name: string): Promise<Split> => ({
    images: await find(folder, `${name}-images-idx3-ubyte`),
    labels: await find(folder, `${name}-labels-idx1-ubyte`),
  });
  return { folder, train: await split('train'), test: await split('t10k') };
}

/**
 * Checks what can be checked before the package is built: that the data are there, that there are enough of
 * them for a batch, and that the folder for the results can be made.
 *
 * @throws Error with a one-line message
 */
export async function checkOptions({ data, full, batch, out }: Options): Promise<void> {
  const { train } = await findFiles({ data, full });
  const count = await countIn(train.images);
  if (batch > count) {
    throw new Error(`--batch: expected at most the ${count} training images, got ${batch}`);
  }
  await mkdir(out, { recursive: true }).catch((error) => {
    throw new Error(`--out: expected a folder that can be made, got ${out}: ${error.message}`);
  });
}

/** The number of images that a file's header gives. */
async function countIn(path: string): Promise<number> {
  const file = createReadStream(path);
  const content = path.endsWith('.gz') ? pipeline(file, createGunzip(), () => {}) : file;
  let header = Buffer.alloc(0);
  try {
    for await (const chunk of content) {
      header = Buffer.concat([header, chunk]);
      if (header.length >= 8) return header.readUInt32BE(4);
    }
  } catch (error) {
    throw new Error(`${path}: ${(error as Error).message}`);
  }
  throw new Error(`${path}: expected an IDX file, got ${header.length} bytes`);
}

async function find(folder: string, name: string): Promise<string> {
  for (const path of [join(folder, `${name}.gz`), join(folder, name)]) {
    if (await exists(path)) return path;
  }
  throw new Error(`${folder}: expected ${name}.gz or ${name}, got neither`);
}

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );
