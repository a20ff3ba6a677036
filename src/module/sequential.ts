import { unexpected } from '../tensor/check.ts';
import type { Input, Tensor } from '../tensor/tensor.ts';
import { isContainer } from './held.ts';
import { checkDistinct, Module } from './module.ts';

/**
 * Applies layers in sequence: y = fₙ(… f₂(f₁(x))).
 *
 * ```ts
 * new Sequential(new Linear(784, 200, { bias: false }), new BatchNorm1d(200), new ReLU());
 * new Sequential({ conv1: new Conv2d(1, 8, 3), bn1: new BatchNorm2d(8) });
 * ```
 *
 * State-dict keys begin with the index of the layer or, in the second form, with its name.
 *
 * @throws TypeError if an argument is not a layer
 * @throws RangeError if the same layer instance occurs twice
 */
export class Sequential extends Module {
  private readonly layers: [string, Module][];

  constructor(...layers: Module[] | [Record<string, Module>]) {
    super();
    const [first] = layers;
    const named = layers.length === 1 && first !== undefined && !(first instanceof Module);
    if (named && !isContainer(first)) {
      throw unexpected('Sequential:', 'layers', first);
    }
    this.layers = (first instanceof Map ? [...first] : Object.entries(named ? first : layers)) as [
      string,
      Module,
    ][];
    checkDistinct(
      'Sequential',
      this.layers.map(([, layer]) => layer),
    );
  }

  override forward(x: Input | readonly Input[]): Tensor {
    let value = x;
    for (const [, layer] of this.layers) value = layer.forward(value);
    return value as Tensor;
  }

  /**
   * The layer at an index, which counts from the end if negative, or with a name.
   *
   * @throws RangeError if there is no such layer
   */
  at<M extends Module = Module>(place: number | string): M {
    const found = Number.isInteger(place)
      ? this.layers.at(place as number)
      : this.layers.find(([name]) => name === place);
    if (!found) {
      const names = this.layers.map(([name]) => name).join(', ');
      throw new RangeError(`Sequential.at: expected a layer of ${names}, got ${String(place)}`);
    }
    return found[1] as M;
  }

  /** The number of layers. */
  get length(): number {
    return this.layers.length;
  }

  *[Symbol.iterator](): Iterator<Module> {
    for (const [, layer] of this.layers) yield layer;
  }

  override children(): [string, Module][] {
    return [...this.layers];
  }

  override toString(): string {
    return 'Sequential';
  }
}
