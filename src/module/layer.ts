import type { Use } from '../graph/node.ts';
import { checkShape, type Shape, sizeOf } from '../tensor/check.ts';
import type { Parameter } from '../tensor/parameter.ts';
import { Leaf } from './leaf.ts';

/** What a layer of your own gets beside x and y. */
export interface LayerContext {
  /** The input's and the output's shape. */
  readonly inputShape: Shape;
  readonly outputShape: Shape;
  /** Whether this forward is in training mode. */
  readonly training: boolean;
  /** Whether a backward may follow; false in `predict`. */
  readonly recording: boolean;
  /**
   * An array that keeps its values until this forward's backward. The first `save` of a forward is
   * `saved[0]` in backward, and so on; the arrays are reused from step to step.
   */
  save(shape: Shape): Float32Array;
  readonly saved: readonly Float32Array[];
  /** A copy of a parameter's values. */
  values(parameter: Parameter): Float32Array;
  /** The array to add a parameter's gradient to; null if the parameter is frozen. */
  gradient(parameter: Parameter): Float32Array | null;
}

/**
 * A layer of your own, written on typed arrays.
 *
 * ```ts
 * class Square extends Layer {
 *   outputShape(shape) { return shape; }
 *   compute(x, y, ctx) {
 *     ctx.save(ctx.inputShape).set(x);
 *     for (let i = 0; i < x.length; i++) y[i] = x[i] * x[i];
 *   }
 *   differentiate(dy, dx, ctx) {
 *     const [x] = ctx.saved;
 *     if (dx) for (let i = 0; i < x.length; i++) dx[i] = 2 * x[i] * dy[i];
 *   }
 * }
 * ```
 *
 * The arrays are the layer's own and are reused in each step. `differentiate` overwrites dx, which is null if
 * nobody wants it, and adds to `ctx.gradient(parameter)`. Parameters are properties
 * (`scale = new Parameter(Tensor.from([1]))`); a property's name is its state-dict key.
 *
 * Users of the layer call `forward(tensor)`, `backward(dy)` and `predict(x)` on it as on any other.
 */
export abstract class Layer extends Leaf<Context> {
  /** The output's shape for an input's; throw a RangeError for shapes the layer cannot take. */
  abstract outputShape(shape: Shape): Shape;

  /** Overwrites y with the output for x. */
  abstract compute(x: Float32Array, y: Float32Array, ctx: LayerContext): void;

  /** Overwrites dx, unless it is null, with the gradient for dy, and adds to `ctx.gradient(parameter)`. */
  abstract differentiate(dy: Float32Array, dx: Float32Array | null, ctx: LayerContext): void;

  /** @internal */
  connect(use: Use<Context>, shape: Shape): Shape {
    for (const method of ['outputShape', 'compute', 'differentiate'] as const) {
      if (typeof this[method] !== 'function') {
        throw new TypeError(
          `${this}: a Layer needs outputShape(shape), compute(x, y, ctx) and ` +
            `differentiate(dy, dx, ctx), and ${method} is missing`,
        );
      }
    }
    const output = this.outputShape(shape);
    checkShape(`${this}.outputShape`, output);
    use.keeps({});
    use.memo = new Context(use, shape, output);
    return output;
  }

  /** @internal */
  run(use: Use<Context>): void {
    const { memo: ctx } = use;
    ctx.begin();
    ctx.x.set(use.inputs[0]!.slot.f32);
    this.compute(ctx.x, ctx.y, ctx);
    use.output.slot.f32.set(ctx.y);
  }

  /** @internal */
  runBackward(use: Use<Context>): void {
    const { memo: ctx } = use;
    const dx = use.dx ? ctx.x : null;
    ctx.y.set(use.output.gradient!.f32);
    this.differentiate(ctx.y, dx, ctx);
    if (dx) use.targets[0]!.slot.f32.set(dx);
    ctx.addGradients();
  }

  protected override stateName(property: string): string {
    return property;
  }
}

/**
 * What a use of a Layer works on: arrays of JavaScript's own, copied from linear memory and back. A view on
 * linear memory would be detached if memory grew in the middle of the author's code, which may run another
 * model, and one that is kept would later show, and write, what belongs to somebody else.
 */
class Context implements LayerContext {
  /** x, and in the backward pass dx. */
  readonly x: Float32Array;
  /** y, and in the backward pass dy. */
  readonly y: Float32Array;
  readonly saved: Float32Array[] = [];
  private next = 0;
  private readonly copies = new Map<Parameter, Float32Array>();
  /** What the present backward adds to the parameters' gradients. */
  private readonly gradients = new Map<Parameter, Float32Array>();

  constructor(
    private readonly use: Use,
    readonly inputShape: Shape,
    readonly outputShape: Shape,
  ) {
    this.x = new Float32Array(sizeOf(inputShape));
    this.y = new Float32Array(sizeOf(outputShape));
  }

  get training(): boolean {
    return this.use.training;
  }

  get recording(): boolean {
    return this.use.recording;
  }

  begin(): void {
    this.next = 0;
  }

  save(shape: Shape): Float32Array {
    const size = sizeOf(shape);
    const at = this.next++;
    if (this.saved[at]?.length !== size) this.saved[at] = new Float32Array(size);
    return this.saved[at];
  }

  values(parameter: Parameter): Float32Array {
    const copy = this.copies.get(parameter) ?? new Float32Array(parameter.size);
    this.copies.set(parameter, copy);
    copy.set(parameter.data.view());
    return copy;
  }

  gradient(parameter: Parameter): Float32Array | null {
    if (!this.use.gradient(parameter)) return null;
    const gradient = this.gradients.get(parameter) ?? new Float32Array(parameter.size);
    this.gradients.set(parameter, gradient);
    return gradient;
  }

  addGradients(): void {
    for (const [parameter, gradient] of this.gradients) {
      const sum = parameter.grad?.view();
      for (let i = 0; sum && i < gradient.length; i++) sum[i]! += gradient[i]!;
      gradient.fill(0);
    }
  }
}
