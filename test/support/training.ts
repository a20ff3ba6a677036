/** The networks of the training goldens (test/goldens/networks.py), and their data. */
import { readFileSync } from 'node:fs';
import { readIdx } from '../../src/data/index.ts';
import { Conv2d, Linear, type Module } from '../../src/index.ts';
import { hashed } from './hashed.ts';

/** U(−b, b) with b = 1/√fan_in, seeded by position, as the Python side sets them. */
export function setWeights(model: Module): void {
  let seed = 0;
  for (const [, layer] of model.namedModules()) {
    if (!(layer instanceof Linear || layer instanceof Conv2d)) continue;
    const bound = 1 / Math.sqrt(layer.weight.size / layer.weight.shape[0]!);
    for (const parameter of layer.ownParameters()) {
      seed++;
      const values = hashed(seed, parameter.size).map((u) => (u * 2 - 1) * bound);
      parameter.assign({ data: values, shape: parameter.shape });
    }
  }
}

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
