import type { Given, Use } from '../../graph/node.ts';
import { Leaf } from '../../module/leaf.ts';
import { describe, type Shape } from '../../tensor/check.ts';
import { Buffer, Parameter } from '../../tensor/parameter.ts';

/** A layer with a weight whose first axis are its outputs: Linear, Conv1d, Conv2d. */
export type Weighted = Leaf & { readonly weight: Parameter; readonly bias: Parameter | undefined };

/** @internal A layer whose weight is made from other parameters and buffers, those of the wrapper. */
export abstract class Reparametrized<L extends Weighted = Weighted> extends Leaf {
  readonly bias: Parameter | undefined;
  // No state: `#` keeps it out of the list of properties, and so of the state dict.
  readonly #layer: L;
  #removed = false;
  /** Of what the weight is made from, when it was. */
  protected version = -1;

  constructor(layer: L) {
    super();
    const weight: unknown = layer instanceof Leaf ? layer.weight : undefined;
    if (!(weight instanceof Parameter && weight.shape.length > 1)) {
      throw new TypeError(
        `${this.constructor.name}: expected a layer with a weight of two axes or more, such as ` +
          `Linear or Conv2d, got ${layer instanceof Leaf ? layer : describe(layer)}`,
      );
    }
    this.#layer = layer;
    this.bias = layer.bias;
  }

  /** Writes the weight. */
  protected abstract make(): void;

  /** Adds the gradients of what the weight is made from, given that of the weight. */
  protected abstract differentiateWeight(use: Use): void;

  connect(use: Use, ...shapes: Shape[]): Shape {
    this.target.requiresGrad = this.sources.some(
      (of) => of instanceof Parameter && of.requiresGrad,
    );
    return this.#layer.connect(use, ...shapes);
  }

  override verify(use: Use, training: boolean, given?: Given): void {
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

  /** The plain layer, with the weight as it is now: yours again. The wrapper is done with, and disposed of. */
  remove(): L {
    this.update();
    this.#removed = true;
    (this as { bias: Parameter | undefined }).bias = undefined;
    super.dispose();
    this.target.requiresGrad = true;
    return this.#layer;
  }

  /** @internal A copy of the plain layer: who copies a model wants its outputs. */
  override copy(copies = new Map<object, object>()): this {
    this.update();
    const copy = this.#layer.copy(copies);
    copies.set(this, copy);
    return copy as never;
  }

  override dispose(): void {
    super.dispose();
    if (!this.#removed) this.#layer.dispose();
  }

  override toString(): string {
    return `${this.constructor.name}(${this.#layer})`;
  }

  /** The weight that is made: what the layer computes with. */
  protected get target(): Parameter {
    return this.#layer.weight;
  }

  /** The weight's extents as a matrix [outputs, the rest]. */
  protected get extents(): readonly [rows: number, columns: number] {
    const { shape, size } = this.target;
    return [shape[0]!, size / shape[0]!];
  }

  /** What the weight is made from. */
  private get sources(): (Parameter | Buffer)[] {
    return Object.values(this).filter(
      (value) => (value instanceof Parameter || value instanceof Buffer) && value !== this.bias,
    );
  }

  /** Makes the weight where what it is made from has changed. */
  private update(): void {
    let version = 0;
    for (const source of this.sources) version += source.version;
    if (version === this.version) return;
    this.make();
    this.target.version++;
    this.version = version;
  }
}
