import type { Given, Operation } from '../graph/operation.ts';
import type { Traced } from '../graph/trace.ts';
import type { Use } from '../graph/use.ts';
import type { Shape } from '../tensor/check.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { Module } from './module.ts';

/**
 * A layer with kernels of its own: the unit that plans are made of. It keeps nothing of a forward on
 * itself; what belongs to one stands in the `Use`. What each method owes is said in `Operation`.
 *
 * @internal Users extend `Layer`, which works on typed arrays.
 */
export abstract class Leaf extends Module implements Operation {
  abstract connect(use: Use, ...shapes: Shape[]): Shape;
  verify?(use: Use, training: boolean, given?: Given): void;
  absorb?(use: Use, next: Use): boolean;
  abstract compute(use: Use): void;
  abstract differentiate(use: Use): void;

  protected override trace(inputs: readonly Traced[]): Tensor {
    return inputs[0]!.trace.use(this, inputs);
  }

  /** PyTorch's names: `runningMean` is `running_mean`. */
  protected override stateName(property: string): string {
    return property.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  }
}
