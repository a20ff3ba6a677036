import type { Shape } from '../tensor/check.ts';
import { Tensor } from '../tensor/tensor.ts';
import { type Operation, Use, Value } from './node.ts';

/** What a composite's `forward` sees while a plan is made: a tensor with a shape but no values yet. */
export class Traced extends Tensor {
  constructor(
    readonly trace: Trace,
    readonly value: Value,
  ) {
    super(value.shape);
  }

  override view(): Float32Array {
    throw new Error(
      "a Module's forward only says how its layers connect: its tensors have shapes but no values. " +
        'For arithmetic of your own on values, write a Layer.',
    );
  }
}

/** Follows a model from its inputs to its output once, noting each use of a layer. */
export class Trace {
  readonly uses: Use[] = [];
  readonly inputs: Value[];
  readonly tensors: Traced[];

  constructor(shapes: readonly Shape[]) {
    this.inputs = shapes.map((shape) => new Value([...shape]));
    this.tensors = this.inputs.map((value) => new Traced(this, value));
  }

  /** Notes a use of `leaf` on `inputs`; throws what the layer has against their shapes. */
  use(leaf: Operation, inputs: readonly Traced[]): Traced {
    const values = inputs.map((input) => input.value);
    const use = new Use(leaf, values);
    const output = new Value(this.shapeOf(use), use);
    use.output = output;
    for (const value of values) value.consumers.push(use);
    this.uses.push(use);
    return new Traced(this, output);
  }

  protected shapeOf(use: Use): Shape {
    return use.leaf.connect(use, ...use.inputs.map((value) => value.shape));
  }
}

/** Follows a model whose input's shape is not known: which layer stands behind which, and no more. */
export class Outline extends Trace {
  constructor() {
    super([[]]);
  }

  protected override shapeOf(): Shape {
    return [];
  }
}
