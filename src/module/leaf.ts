import type { Given, Operation, Use } from '../graph/node.ts';
import { settle } from '../graph/places.ts';
import type { Traced } from '../graph/trace.ts';
import type { Shape } from '../tensor/shape.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { snakeCase } from './held.ts';
import { Module } from './module.ts';

/**
 * A layer that computes its output itself, with kernels, rather than by calling other modules. Plans are
 * lists of uses of leaves. A leaf stores nothing about a particular forward; that is in the `Use`.
 * `Operation` documents the methods.
 *
 * @internal Users extend `Layer`, which works on typed arrays.
 * @typeParam Memo the type of `use.memo`, where a use stores what `connect` computed
 */
export abstract class Leaf<Memo = unknown> extends Module<Tensor> implements Operation<Memo> {
  get maxInputs(): number {
    return 1;
  }

  get isReLU(): boolean {
    return false;
  }

  get reluEpilogue(): 'mask' | 'fused' | undefined {
    return undefined;
  }

  override get isComposite(): boolean {
    return false;
  }

  /** Says that the layer is made: see `graph/places.ts`. */
  protected settle(): void {
    settle(this);
  }

  abstract connect(use: Use<Memo>, ...shapes: Shape[]): Shape;
  verify?(use: Use<Memo>, training: boolean, given?: Given): void;
  abstract run(use: Use<Memo>): void;
  abstract runBackward(use: Use<Memo>): void;

  protected override trace(inputs: readonly Traced[]): Tensor {
    return inputs[0]!.trace.use(this, inputs);
  }

  /** PyTorch's name of a property: `runningMean` becomes `running_mean`. */
  protected override stateName(property: string): string {
    return snakeCase(property);
  }
}
