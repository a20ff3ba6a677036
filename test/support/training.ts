/** The networks of the training goldens (test/goldens/networks.py), and their data. */
import { readFileSync } from 'node:fs';
import { readIdx } from '../../src/data/index.ts';
import {
  BatchNorm1d,
  BatchNorm2d,
  Conv2d,
  Flatten,
  Linear,
  type Module,
  ReLU,
  Sequential,
} from '../../src/index.ts';
import { hashed } from './hashed.ts';

export function mlp(widths: readonly number[]): Sequential {
  const layers: Module[] = [];
  for (let i = 0; i + 2 < widths.length; i++) {
    const [n, m] = [widths[i]!, widths[i + 1]!];
    layers.push(new Linear(n, m, { bias: false }), new BatchNorm1d(m), new ReLU());
  }
  return new Sequential(...layers, new Linear(widths.at(-2)!, widths.at(-1)!));
}

export function cnn(c1 = 24, c2 = 48, c3 = 64, hidden = 200): Sequential {
  return new Sequential(
    new Conv2d(1, c1, 6, { padding: 'same', bias: false }),
    new BatchNorm2d(c1),
    new ReLU(),
    new Conv2d(c1, c2, 5, { stride: 2, padding: 2, bias: false }),
    new BatchNorm2d(c2),
    new ReLU(),
    new Conv2d(c2, c3, 4, { stride: 2, padding: 1, bias: false }),
    new BatchNorm2d(c3),
    new ReLU(),
    new Flatten(),
    new Linear(c3 * 49, hidden, { bias: false }),
    new BatchNorm1d(hidden),
    new ReLU(),
    new Linear(hidden, 10),
  );
}

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
