import { describe } from '../tensor/check.ts';
import type { Input, Tensor } from '../tensor/tensor.ts';
import { checkDistinct, Module } from './module.ts';

/**
 * Layers one after the other: y = fₙ(… f₂(f₁(x))).
 *
 * ```ts
 * new Sequential(new Linear(784, 200, { bias: false }), new BatchNorm1d(200), new ReLU());
 * new Sequential({ conv1: new Conv2d(1, 8, 3), bn1: new BatchNorm2d(8) });
 * ```
 *
 * State-dict keys begin with the layer's index, or with its name in the second form.
 *
 * @throws RangeError where one layer instance stands at two places
 */
export class Sequential extends Module {
  private readonly layers: [string, Module][];

  constructor(...layers: Module[] | [Record<string, Module>]) {
    super();
    const [first] = layers;
    const named = layers.length === 1 && first !== undefined && !(first instanceof Module);
    if (named && (typeof first !== 'object' || first === null)) {
      throw new TypeError(`Sequential: expected layers, got ${describe(first)}`);
    }
    this.layers = Object.entries(named ? first : layers) as [string, Module][];
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

  /** The layer at an index (negative from the end) or of a name. */
  at<M extends Module = Module>(place: number | string): M {
    const found =
      typeof place === 'number'
        ? this.layers.at(place)
        : this.layers.find(([name]) => name === place);
    if (!found) throw new RangeError(`Sequential: no layer ${place} among ${this.layers.length}`);
    return found[1] as M;
  }

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
