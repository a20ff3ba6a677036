/** First weights that PyTorch's side can compute (test/goldens/networks.py). */
import { Conv2d, Linear, type Module } from 'evenkeel';
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
