import type { Parameter } from '../tensor/parameter.ts';
import type { Input, Tensor } from '../tensor/tensor.ts';

/** What plans are made for. */
export interface Model {
  readonly training: boolean;
  /** Follows a plan's placeholders through the model. */
  forward(x: Input | readonly Input[]): Tensor;
  parameters(): Parameter[];
  /** What it is composed of: directly, and all the way down. */
  children(): [string, Model][];
  namedModules(): [string, Model][];
}
