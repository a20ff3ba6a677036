import type { Shape } from '../check.ts';
import type { Traced } from '../plan/trace.ts';
import type { Use } from '../plan/use.ts';
import type { Tensor } from '../tensor.ts';
import { Module } from './module.ts';

/**
 * A layer with kernels of its own: the unit that plans are made of. It keeps nothing of a forward on
 * itself; what belongs to one stands in the `Use`.
 *
 * @internal Users extend `Layer`, which works on typed arrays.
 */
export abstract class Leaf extends Module {
  /**
   * Says the output's shape for inputs of these shapes, and through `use` what is saved, needed as
   * scratch and may share memory. Called while a plan is made, before any memory is touched: throws a
   * RangeError for shapes that the layer cannot take.
   */
  abstract connect(use: Use, ...shapes: Shape[]): Shape;

  /** Throws where the layer cannot run in this mode; called before a step writes anything. */
  verify?(use: Use, training: boolean): void;

  /**
   * Takes over the work of `next`, which alone reads this use's output and has no parameters: returns
   * whether it does, and if so from then on puts out what `next` would have.
   */
  absorb?(use: Use, next: Leaf): boolean;

  protected override trace(inputs: readonly Traced[]): Tensor {
    return inputs[0]!.trace.use(this, inputs);
  }

  /** PyTorch's names: `runningMean` is `running_mean`. */
  protected override stateName(property: string): string {
    return property.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  }

  /** y from x. */
  abstract compute(use: Use): void;

  /**
   * dx from dy where `use.dx` is not 0 (overwritten), and parameter gradients where
   * `use.gradient(parameter)` is not 0 (added to).
   */
  abstract differentiate(use: Use): void;
}
