/** Training and test samples, ready for a network. */
import { readIdx } from 'evenkeel/data';
import { isToy, type Settings } from '../settings.ts';
import { type Toy, toy, toyClasses, toyTest } from './toys.ts';

export interface Samples {
  readonly inputs: { readonly data: Float32Array; readonly shape: readonly number[] };
  readonly targets: Int32Array;
}

export interface Data {
  readonly train: Samples;
  readonly test: Samples;
  readonly features: number;
  readonly classes: number;
}

const TOY_POINTS = 600;

/** @param folder the address of the folder with the files that scripts/playground.ts packs */
export async function dataOf(settings: Settings, folder: string): Promise<Data> {
  if (isToy(settings)) {
    const name = settings.data as Toy;
    const train = toy(name, TOY_POINTS, Number(settings.seed));
    const test = toyTest(name);
    return { train, test, features: 2, classes: toyClasses(name) };
  }
  const [train, test] = await Promise.all([images(folder, 'train'), images(folder, 'test')]);
  return { train, test, features: 784, classes: 10 };
}

/** The images of a file, from 0 to 1, as rows. */
async function images(folder: string, split: string): Promise<Samples> {
  const [pixels, labels] = await Promise.all([
    readIdx(await fetch(new URL(`fashion-${split}-images.idx.gz`, folder))),
    readIdx(await fetch(new URL(`fashion-${split}-labels.idx.gz`, folder))),
  ]);
  const [count] = pixels.shape as [number];
  const data = Float32Array.from(pixels.data, (byte) => byte / 255);
  return { inputs: { data, shape: [count, 784] }, targets: Int32Array.from(labels.data) };
}
