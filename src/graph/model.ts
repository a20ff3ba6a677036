import type { Parameter } from '../tensor/parameter.ts';
import type { Input } from '../tensor/tensor.ts';

/** The module that plans are made for. */
export interface Model {
  readonly training: boolean;
  /** Follows a plan's placeholders through the model. */
  forward(x: Input | readonly Input[]): unknown;
  parameters(): Parameter[];
  /** Its children, and all its descendants. */
  children(): [string, Model][];
  namedModules(): [string, Model][];
}
