/** What checks of layers share. */
import {
  BatchNorm1d,
  BatchNorm2d,
  BatchNorm3d,
  type BatchNormOptions,
  type Input,
  type Module,
} from 'evenkeel';
import type { Tolerance } from '../../support/difference.ts';
import type { GoldenCase } from '../../support/stored.ts';
import { close, equal } from './check.ts';

/** float32 sums of random terms: a few roundings of 6e-8 each on terms of size one. */
export const SUMS = { scaled: 2e-6, atol: 2e-6 };
export const RUNNING = { rtol: 2e-6, atol: 2e-7 };

export interface Tolerances {
  y: Tolerance;
  dx: Tolerance;
  gradients?: Tolerance;
}

/**
 * A layer without running state, on one input: forward, predict, backward and the gradients of its parameters,
 * which a second backward adds to.
 */
export function compareLayer(
  layer: Module,
  golden: GoldenCase,
  tolerance: Tolerance | Tolerances,
): Module {
  const { y: near, dx: slope, gradients = slope } = both(tolerance);
  const x = golden.x as Input;
  const output = layer.forward(x);
  equal(output.shape, golden.y.shape, 'shape');
  const y = output.toArray();
  close(y, golden.y.data, near, 'y');
  close(layer.predict(x).toArray(), y, {}, 'y of predict');
  if (golden.dy) {
    const expected = { weight: golden.dWeight ?? golden.dweight, bias: golden.dBias };
    for (const time of [1, 2]) {
      if (time > 1) layer.forward(x);
      const dx = layer.backward(golden.dy).toArray();
      if (golden.dx) close(dx, golden.dx.data, slope, `dx, time ${time}`);
      for (const [name, parameter] of layer.namedParameters()) {
        const once: Float32Array = expected[name as 'weight' | 'bias'].data;
        const sum = Float64Array.from(once, (v) => time * v);
        const what = `gradient of ${name}, time ${time}`;
        close(parameter.grad!.toArray(), sum, gradients, what);
      }
    }
  } // ONNX's cases go forward only
  layer.dispose();
  return layer;
}

function both(tolerance: Tolerance | Tolerances): Tolerances {
  return 'y' in tolerance ? tolerance : { y: tolerance, dx: tolerance as Tolerance };
}

export function withWeights<L extends Module>(layer: L, { weight, bias }: GoldenCase): L {
  layer.loadStateDict({ ...(weight && { weight }), ...(bias && { bias }) });
  return layer;
}

/** The batch norm for inputs of this shape. */
export function batchNormFor(shape: readonly number[], options: BatchNormOptions) {
  const Kind = [BatchNorm1d, BatchNorm1d, BatchNorm2d, BatchNorm3d][shape.length - 2]!;
  return new Kind(options.channelsLast ? shape.at(-1)! : shape[1]!, options);
}
