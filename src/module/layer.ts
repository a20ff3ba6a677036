import type { Use } from '../graph/node.ts';
import { checkInteger } from '../tensor/check.ts';
import type { Buffer, Parameter } from '../tensor/parameter.ts';
import { defaultGenerator, Generator } from '../tensor/random.ts';
import { checkExtents, ownShape, type Shape, sizeOf } from '../tensor/shape.ts';
import { Leaf } from './leaf.ts';

/** The context that `compute` and `differentiate` of your own layer get in addition to their arrays. */
export interface LayerContext {
  /** The shape of the input, or of the first of several. */
  readonly inputShape: Shape;
  /** The shapes of all inputs. */
  readonly inputShapes: readonly Shape[];
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
  /** A copy of a parameter's or a buffer's values. */
  values(parameter: Parameter | Buffer): Float32Array;
  /** The array to add a parameter's gradient to; null if the parameter is frozen. */
  gradient(parameter: Parameter): Float32Array | null;
  /**
   * Where random numbers come from: the generator that `manualSeed` seeds. In `predict`, which changes nothing, a copy
   * of it. Draw in `compute`, and `save` what `differentiate` needs.
   */
  readonly generator: Generator;
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
 * A layer of several inputs says how many there are. Then `outputShape`, `compute` and `differentiate` get
 * arrays of shapes, of x and of dx in the inputs' order:
 *
 * ```ts
 * class Gate extends Layer<2> {
 *   inputCount = 2;
 *   outputShape([x, gate]) { return x; }
 *   compute([x, gate], y, ctx) {
 *     ctx.save(ctx.inputShapes[0]).set(x);
 *     ctx.save(ctx.inputShapes[1]).set(gate);
 *     for (let i = 0; i < y.length; i++) y[i] = x[i] * gate[i];
 *   }
 *   differentiate(dy, [dx, dgate], ctx) {
 *     const [x, gate] = ctx.saved;
 *     for (let i = 0; i < dy.length; i++) {
 *       if (dx) dx[i] = dy[i] * gate[i];
 *       if (dgate) dgate[i] = dy[i] * x[i];
 *     }
 *   }
 * }
 * ```
 *
 * Callers use `forward(tensor)`, or `forward([x, gate])`, `backward(dy)` and `predict(x)`, as on any other
 * layer.
 *
 * @typeParam N the number of inputs
 */
export abstract class Layer<N extends number = 1> extends Leaf<Context> {
  /** How many inputs the layer takes; `forward` refuses fewer and more. Default 1. */
  inputCount = 1 as N;

  /** Returns the shape of the output. Throw a RangeError if the layer cannot take the inputs' shapes. */
  abstract outputShape(shape: Each<N, Shape>): Shape;

  /** Overwrites y with the output for x. */
  abstract compute(x: Each<N, Float32Array>, y: Float32Array, ctx: LayerContext): void;

  /**
   * Overwrites dx with the input's gradient, unless dx is null, and adds to `ctx.gradient(parameter)`. Of
   * several inputs each has its own dx or null.
   */
  abstract differentiate(
    dy: Float32Array,
    dx: Each<N, Float32Array | null>,
    ctx: LayerContext,
  ): void;

  /** @internal */
  override get maxInputs(): number {
    return this.inputCount;
  }

  /** @internal */
  connect(use: Use<Context>, ...shapes: Shape[]): Shape {
    for (const method of ['outputShape', 'compute', 'differentiate'] as const) {
      if (typeof this[method] !== 'function') {
        throw new TypeError(
          `${this}: expected methods outputShape(shape), compute(x, y, ctx) and ` +
            `differentiate(dy, dx, ctx), got no ${method}: implement it`,
        );
      }
    }
    const { inputCount } = this;
    checkInteger(`${this}`, 'inputCount', inputCount);
    if (shapes.length < inputCount) {
      throw new RangeError(`${this}: expected ${inputCount} inputs, got ${shapes.length}`);
    }
    const output = ownShape(`${this}.outputShape`, this.outputShape(this.each(shapes)));
    checkExtents(`${this}: output`, output);
    use.keeps({});
    use.memo = new Context(use, shapes, output);
    return output;
  }

  /** @internal */
  run(use: Use<Context>): void {
    const { memo: ctx } = use;
    ctx.begin();
    for (const [i, x] of ctx.x.entries()) x.set(use.inputs[i]!.slot.f32);
    this.compute(this.each(ctx.x), ctx.y, ctx);
    use.output.slot.f32.set(ctx.y);
  }

  /** @internal */
  runBackward(use: Use<Context>): void {
    const { memo: ctx } = use;
    const wanted = ctx.x.map((dx, i) => (use.inputGradient(i) ? dx : null));
    ctx.y.set(use.output.gradient!.f32);
    this.differentiate(ctx.y, this.each(wanted), ctx);
    for (const [i, dx] of wanted.entries()) if (dx) use.targets[i]!.slot.f32.set(dx);
    ctx.addGradients();
  }

  protected override stateName(property: string): string {
    return property;
  }

  /** What the author's methods get of a list with an entry for each input. */
  private each<T>(list: readonly T[]): Each<N, T> {
    return (this.inputCount === 1 ? list[0] : list) as Each<N, T>;
  }
}

/** What there is of one input, or the list of what there is of several. */
type Each<N extends number, T> = N extends 1 ? T : readonly T[];

/**
 * The arrays of one use of a Layer. They are ordinary JavaScript arrays, which are copied from and to linear
 * memory. A view of linear memory would be detached if memory grew during the author's code, which may run
 * another model. And if the author kept such a view, it would later read and write other tensors.
 */
class Context implements LayerContext {
  /** Of each input: x in forward, dx in backward. */
  readonly x: readonly Float32Array[];
  /** y in forward, dy in backward. */
  readonly y: Float32Array;
  readonly saved: Float32Array[] = [];
  private next = 0;
  /** The generator of predictions, and whether it is still to be set to the other's state. */
  private copied: Generator | undefined;
  private fresh = true;
  private readonly copies = new Map<Parameter | Buffer, Float32Array>();
  /** The gradients of the current backward, which are then added to those of the parameters. */
  private readonly gradients = new Map<Parameter, Float32Array>();

  constructor(
    private readonly use: Use,
    readonly inputShapes: readonly Shape[],
    readonly outputShape: Shape,
  ) {
    this.x = inputShapes.map((shape) => new Float32Array(sizeOf(shape)));
    this.y = new Float32Array(sizeOf(outputShape));
  }

  get inputShape(): Shape {
    return this.inputShapes[0]!;
  }

  get training(): boolean {
    return this.use.training;
  }

  get recording(): boolean {
    return this.use.recording;
  }

  /** Starts a forward: the next `save` returns the first array. A backward that threw has left nothing. */
  begin(): void {
    this.next = 0;
    this.fresh = true;
    for (const gradient of this.gradients.values()) gradient.fill(0);
  }

  save(shape: Shape): Float32Array {
    const size = sizeOf(shape);
    const at = this.next++;
    if (this.saved[at]?.length !== size) this.saved[at] = new Float32Array(size);
    return this.saved[at];
  }

  get generator(): Generator {
    if (this.recording) return defaultGenerator;
    this.copied ??= new Generator();
    if (this.fresh) this.copied.state = defaultGenerator.state;
    this.fresh = false;
    return this.copied;
  }

  values(parameter: Parameter | Buffer): Float32Array {
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
