/**
 * Reparametrization: a wrapper replaces a layer's weight w by a function of other parameters, which are
 * trained in its place.
 *
 *   weight norm      w = g·v/‖v‖      trained: g, v
 *   spectral norm    w = W/σ(W)       trained: W
 *
 * The wrapper owns these parameters, and the layer's bias stays what it was. In each forward it computes w,
 * writes it into the layer's own weight and runs the layer. In backward the layer computes dw into that
 * weight's gradient, and the wrapper turns dw into the gradients of its parameters. So the layer's weight
 * is a result: it is in no state dict and no optimizer until `remove()` returns the plain layer. Until then the
 * layer itself cannot be called, nor wrapped again.
 */
import type { Given, Use } from '../../graph/node.ts';
import { holdsHidden } from '../../memory/dispose.ts';
import type { Copies } from '../../module/copy.ts';
import { Leaf } from '../../module/leaf.ts';
import { describe } from '../../tensor/check.ts';
import { allocateGradients, Buffer, freezes, Parameter } from '../../tensor/parameter.ts';
import type { Shape } from '../../tensor/shape.ts';

/** A layer with a weight of two axes or more: Linear, Conv1d, Conv2d, ConvTranspose2d. */
export type Weighted = Leaf & { readonly weight: Parameter; readonly bias: Parameter | undefined };

/** @internal The base of both wrappers. */
export abstract class Reparametrized<L extends Weighted = Weighted> extends Leaf {
  readonly bias: Parameter | undefined;
  // `#` keeps it out of the list of properties, and so out of the state dict.
  readonly #layer: L;
  readonly #weight: Parameter;
  #removed = false;
  /** The sum of the sources' versions from which the weight was last computed; not a size (see `settle`). */
  protected readonly computed = { from: -1 };

  constructor(layer: L, ...rest: []) {
    super(...rest);
    const weight: unknown = layer instanceof Leaf ? layer.weight : undefined;
    if (!(weight instanceof Parameter && weight.shape.length > 1)) {
      throw new TypeError(
        `${this.constructor.name}: expected a layer with a weight of two axes or more, such as ` +
          `Linear or Conv2d, got ${layer instanceof Leaf ? layer : describe(layer)}`,
      );
    }
    Object.getOwnPropertyDescriptor(layer, 'trace')?.value(); // throws if a wrapper owns the layer
    this.#layer = layer;
    this.#weight = weight;
    holdsHidden(this, layer);
    holdsHidden(this, weight);
    this.bias = layer.bias;
  }

  /**
   * Takes the layer: from now on it refuses to be called, which would read and train another weight, and to be
   * wrapped. Called at the end of the constructor, so that a layer that cannot be wrapped is not taken.
   */
  protected take(): void {
    const value = () => {
      throw new Error(`${this.#layer}: is part of ${this}: call that, or remove() it first`);
    };
    Object.defineProperty(this.#layer, 'trace', { value, configurable: true });
    freezes.count++; // plans that were made with the layer are traced again
  }

  /** Computes the weight into `target`. */
  protected abstract computeWeight(): void;

  /** Adds the gradients of the wrapper's parameters, given dw in the gradient of `target`. */
  protected abstract differentiateWeight(use: Use): void;

  connect(use: Use, ...shapes: Shape[]): Shape {
    this.target.requiresGrad = this.trained;
    return this.#layer.connect(use, ...shapes);
  }

  override verify(use: Use, training: boolean, given?: Given): void {
    const { weight, bias } = this.#layer;
    if (weight !== this.#weight || bias !== this.bias) {
      throw new Error(`${this}: its layer's weight or bias was exchanged: remove() it first`);
    }
    // The model's backward allocates the gradients of the sources at its start, but not this one.
    if (use.recording) allocateGradients([this.target]);
    this.#layer.verify?.(use, training, given);
  }

  override get reluEpilogue() {
    return this.#layer.reluEpilogue;
  }

  run(use: Use): void {
    this.update();
    this.#layer.run(use);
  }

  runBackward(use: Use): void {
    const { target } = this;
    const wanted = target.requiresGrad && !use.deferred;
    if (wanted) target.zeroGrad();
    this.#layer.runBackward(use);
    if (wanted) this.differentiateWeight(use);
  }

  /**
   * Returns the plain layer with its current weight, which is a parameter again, and frozen if all that it was
   * computed from is frozen. Disposes of the wrapper.
   */
  remove(): L {
    const { target } = this;
    if (this.#removed) return this.#layer;
    this.update();
    this.#removed = true;
    (this as { bias: Parameter | undefined }).bias = undefined;
    target.requiresGrad = this.trained;
    target.grad = null;
    Reflect.deleteProperty(this.#layer, 'trace');
    super.dispose();
    return this.#layer;
  }

  /** @internal Copies the plain layer with its current weight. */
  override plainCopy(copies: Copies): L {
    this.update();
    const copy = this.#layer.copyInto(copies);
    Reflect.deleteProperty(copy, 'trace');
    return copy;
  }

  /** @internal Wraps a copy of the plain layer. */
  override copyInto(copies: Copies): this {
    const copy = this.wrap(this.plainCopy(copies));
    copies.set(this, copy);
    for (const [name, own] of Object.entries(this)) {
      if (name === 'bias' || !(own instanceof Parameter || own instanceof Buffer)) continue;
      const { [name]: copied } = copy as unknown as Record<string, Parameter | Buffer>;
      copied!.assign(own.data);
      copies.set(own, copied!);
      if (own instanceof Parameter) (copied as Parameter).requiresGrad = own.requiresGrad;
    }
    return copy.train(this.training);
  }

  /** A wrapper like this one round another layer. */
  protected abstract wrap(layer: L): this;

  override dispose(): void {
    super.dispose();
    if (!this.#removed) this.#layer.dispose();
  }

  override toString(): string {
    return `${this.constructor.name}(${this.#layer})`;
  }

  /** @internal The layer whose weight this replaces. */
  get plain(): L {
    return this.#layer;
  }

  /** The weight that the layer computes with, w. */
  protected get target(): Parameter {
    return this.#layer.weight;
  }

  /** The extents of the weight as a matrix: its first axis, and the product of the others. */
  protected get extents(): readonly [rows: number, columns: number] {
    const { shape, size } = this.target;
    return [shape[0]!, size / shape[0]!];
  }

  /** The parameters and buffers that the weight is computed from. */
  private get sources(): (Parameter | Buffer)[] {
    return Object.values(this).filter(
      (value) => (value instanceof Parameter || value instanceof Buffer) && value !== this.bias,
    );
  }

  /** Whether anything that the weight is computed from is trained. */
  private get trained(): boolean {
    return this.sources.some((source) => source instanceof Parameter && source.requiresGrad);
  }

  /** @internal Computes the weight if one of its sources has changed. */
  update(): void {
    let version = 0;
    for (const source of this.sources) version += source.version;
    if (version === this.computed.from) return;
    this.computeWeight();
    this.target.version++;
    this.computed.from = version;
  }
}
