import type { Given, Operation, Use } from '../graph/node.ts';
import type { Traced } from '../graph/trace.ts';
import type { Shape } from '../tensor/check.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { Module } from './module.ts';

/**
 * A layer with kernels of its own: the unit that plans are made of. It keeps nothing of a forward on
 * itself; what belongs to one stands in the `Use`. `Operation` says what each method owes.
 *
 * @internal Users extend `Layer`, which works on typed arrays.
 * @typeParam Memo what a use of the layer remembers
 */
export abstract class Leaf<Memo = unknown> extends Module implements Operation<Memo> {
  get isReLU(): boolean {
    return false;
  }

  get reluEpilogue(): 'mask' | 'fused' | undefined {
    return undefined;
  }

  protected override get isComposite(): boolean {
    return false;
  }

  abstract connect(use: Use<Memo>, ...shapes: Shape[]): Shape;
  verify?(use: Use<Memo>, training: boolean, given?: Given): void;
  abstract run(use: Use<Memo>): void;
  abstract runBackward(use: Use<Memo>): void;

  protected override trace(inputs: readonly Traced[]): Tensor {
    return inputs[0]!.trace.use(this, inputs);
  }

  /** PyTorch's names: `runningMean` is `running_mean`. */
  protected override stateName(property: string): string {
    return property.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  }
}
