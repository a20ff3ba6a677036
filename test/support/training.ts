/** The networks of the training goldens (test/goldens/networks.py), and their data. */
import { readFileSync } from 'node:fs';
import { readIdx } from '../../src/data/index.ts';

export { setWeights } from './weights.ts';

/** The shipped training images as float32 in [0, 1], and their labels. */
export async function shippedImages(): Promise<{ pixels: Float32Array; labels: Uint8Array }> {
  const read = (name: string) =>
    readIdx(readFileSync(new URL(`../../data/fashion-mnist/${name}.gz`, import.meta.url)));
  const images = await read('train-images-idx3-ubyte');
  const labels = await read('train-labels-idx1-ubyte');
  return {
    pixels: Float32Array.from(images.data, (v) => Math.fround(v) / 255),
    labels: labels.data as Uint8Array,
  };
}
