import type { Shape } from '../tensor/check.ts';
import type { Parameter } from '../tensor/parameter.ts';
import type { Input, Tensor } from '../tensor/tensor.ts';
import type { Value } from './trace.ts';
import type { Use } from './use.ts';

/** The values of a model's input; undefined for a tensor that the model makes. */
export type Given = (value: Value) => ArrayLike<number> | undefined;

/** What a plan is made of: an op with kernels of its own. Layers are such (`layers/leaf.ts`). */
export interface Operation {
  readonly training: boolean;

  /**
   * Says the output's shape for inputs of these shapes, and through `use` what is saved, needed as
   * scratch and may share memory. Called while a plan is made, before any memory is touched: throws a
   * RangeError for shapes that the operation cannot take.
   */
  connect(use: Use, ...shapes: Shape[]): Shape;

  /**
   * Throws where the operation cannot run in this mode; called before a step writes anything. `given`
   * has the values of those inputs that are the model's, once there are any.
   */
  verify?(use: Use, training: boolean, given?: Given): void;

  /**
   * Takes over the work of `next`, which alone reads this use's output and has no parameters: returns
   * whether it does, and if so from then on puts out what `next` would have, and has the other inputs of
   * `next` behind its own.
   */
  absorb?(use: Use, next: Use): boolean;

  /** y from x. */
  compute(use: Use): void;

  /**
   * dx from dy where `use.dx` is not 0 (overwritten), and parameter gradients where
   * `use.gradient(parameter)` is not 0 (added to).
   */
  differentiate(use: Use): void;

  /** The parameters that its gradients are added to. */
  ownParameters(): Parameter[];
}

/** What plans are made for: a model. */
export interface Model {
  /** Follows a plan's placeholders through the model. */
  forward(x: Input | readonly Input[]): Tensor;
  parameters(): Parameter[];
  /** What it is composed of, directly and all the way down. */
  children(): [string, Model][];
  namedModules(): [string, Model][];
}
