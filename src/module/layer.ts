import type { Use } from '../graph/node.ts';
import type { Parameter } from '../tensor/parameter.ts';
import { checkExtents, ownShape, type Shape, sizeOf } from '../tensor/shape.ts';
import { Leaf } from './leaf.ts';

/** The context that `compute` and `differentiate` of your own layer get in addition to their arrays. */
export interface LayerContext {
  readonly inputShape: Shape;
  readonly outputShape: Shape;
  /** Whether this forward is in training mode. */
  readonly training: boolean;
  /** Whether a backward may follow; false in `predict`. */
  readonly recording: boolean;
  /**
   * Returns an array to fill with values that this forward's backward needs. The array of the first call
   * is `saved[0]` in backward, that of the second `saved[1]`, and so on. Arrays are reused from step to
   * step.
   */
  save(shape: Shape): Float32Array;
  /** The arrays that `save` returned. */
  readonly saved: readonly Float32Array[];
  /** A copy of a parameter's values. */
  values(parameter: Parameter): Float32Array;
  /** The array to add a parameter's gradient to; null if the parameter is frozen. */
  gradient(parameter: Parameter): Float32Array | null;
}

/**
 * The base class for a layer of your own whose arithmetic you write on typed arrays.
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
 * The arrays are copies that are reused in every step, so `slice()` what you want to keep. `differentiate`
 * overwrites dx, which is null if it is not needed, and adds to `ctx.gradient(parameter)`. Parameters are
 * properties (`scale = new Parameter(Tensor.from([1]))`), and a property's name is its state-dict key.
 *
 * Callers use `forward(tensor)`, `backward(dy)` and `predict(x)`, as on any other layer.
 */
export abstract class Layer extends Leaf<Context> {
  /** Returns the shape of the output. Throw a RangeError if the layer cannot take the input's shape. */
  abstract outputShape(shape: Shape): Shape;

  /** Overwrites y with the output for x. */
  abstract compute(x: Float32Array, y: Float32Array, ctx: LayerContext): void;

  /** Overwrites dx with the input's gradient, unless dx is null, and adds to `ctx.gradient(parameter)`. */
  abstract differentiate(dy: Float32Array, dx: Float32Array | null, ctx: LayerContext): void;

  /** @internal */
  connect(use: Use<Context>, shape: Shape): Shape {
    for (const method of ['outputShape', 'compute', 'differentiate'] as const) {
      if (typeof this[method] !== 'function') {
        throw new TypeError(
          `${this}: expected methods outputShape(shape), compute(x, y, ctx) and ` +
            `differentiate(dy, dx, ctx), got no ${method}: implement it`,
        );
      }
    }
    const output = ownShape(`${this}.outputShape`, this.outputShape(shape));
    checkExtents(`${this}: output`, output);
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
 * The arrays of one use of a Layer. They are ordinary JavaScript arrays, which are copied from and to linear
 * memory. A view of linear memory would be detached if memory grew during the author's code, which may run
 * another model. And if the author kept such a view, it would later read and write other tensors.
 */
class Context implements LayerContext {
  /** x in forward, dx in backward. */
  readonly x: Float32Array;
  /** y in forward, dy in backward. */
  readonly y: Float32Array;
  readonly saved: Float32Array[] = [];
  private next = 0;
  private readonly copies = new Map<Parameter, Float32Array>();
  /** The gradients of the current backward, which are then added to those of the parameters. */
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

  /** Starts a forward: the next `save` returns the first array. */
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

  /** Adds the gradients of this backward to those of the parameters, and sets them to zero. */
  addGradients(): void {
    for (const [parameter, gradient] of this.gradients) {
      const sum = parameter.grad?.view();
      for (let i = 0; sum && i < gradient.length; i++) sum[i]! += gradient[i]!;
      gradient.fill(0);
    }
  }
}
