import { checkInteger, unexpected } from '../tensor/check.ts';
import type { Input, Tensor } from '../tensor/tensor.ts';
import { checkDistinct } from './distinct.ts';
import { isContainer } from './held.ts';
import { Module } from './module.ts';

/** Layers in their order, or a record of them by name. */
type Layers = readonly Module[] | readonly [Readonly<Record<string, Module>>];

/** The layer at a place, as far as the compiler knows it. */
type LayerAt<L extends Layers, Place extends number | string> = number extends L['length']
  ? Module
  : L extends readonly Module[]
    ? `${Place}` extends keyof L
      ? L[`${Place}`]
      : L extends readonly [...unknown[], infer Last]
        ? Place extends -1
          ? Last
          : Module
        : Module
    : Place extends keyof L[0]
      ? L[0][Place]
      : Module;

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
// biome-ignore lint/suspicious/noExplicitAny: a Sequential whose layers are not known takes the place of any
export class Sequential<L extends Layers = any> extends Module<Tensor> {
  private layers!: [string, Module][];

  constructor(...layers: L) {
    super();
    const [first] = layers;
    const named = layers.length === 1 && first !== undefined && !(first instanceof Module);
    if (named && !isContainer(first)) {
      throw unexpected('Sequential:', 'layers', first);
    }
    this.change(
      (first instanceof Map ? [...first] : Object.entries(named ? first : layers)) as [
        string,
        Module,
      ][],
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
   * ```ts
   * new Sequential(new Linear(4, 2), new ReLU()).at(0).weight;   // known to be a Linear
   * ```
   *
   * @throws RangeError if there is no such layer
   */
  at<const Place extends number | string>(place: Place): LayerAt<L, Place>;
  at<M extends Module>(place: number | string): M;
  at(place: number | string): unknown {
    return this.layers[this.indexOf('at', place)]![1];
  }

  /**
   * Puts another layer in the place of one, under the same name.
   *
   * @param place as for `at`
   * @throws RangeError if there is no such place, or if the layer is in the network already
   */
  set(place: number | string, layer: Module): this {
    const at = this.indexOf('set', place);
    return this.change(this.layers.map(([name, old], i) => [name, i === at ? layer : old]));
  }

  /**
   * Inserts a layer before the one at `index`, which counts from the end if negative. If the layers are named by
   * their indices, those after it get other names, as in PyTorch.
   *
   * @param name default: the layer's index; needed if the layers have names
   * @throws RangeError for an index that is not from −length to length, for a name that is taken, or if the layer is
   *   in the network already
   */
  insert(index: number, layer: Module, name?: string): this {
    const { layers, length } = this;
    checkInteger('Sequential.insert', 'index', index, -length, length);
    const at = index < 0 ? length + index : index;
    const counted = name === undefined && layers.every(([known], i) => known === `${i}`);
    const all = layers.slice();
    all.splice(at, 0, [name ?? `${at}`, layer]);
    return this.change(counted ? all.map(([, each], i) => [`${i}`, each]) : all);
  }

  /** Adds a layer at the end; see `insert`. */
  append(layer: Module, name?: string): this {
    return this.insert(this.length, layer, name);
  }

  /**
   * A network of a part of the layers. They are the same layers under the same names, as in PyTorch; `clone()` copies
   * them. Indices are those of `Array.slice`.
   */
  slice(start?: number, end?: number): Sequential {
    const part = sequentialOf();
    part.layers = this.layers.slice(start, end);
    return part;
  }

  private indexOf(method: string, place: number | string): number {
    const { layers, length } = this;
    const at = Number.isInteger(place)
      ? (place as number) + ((place as number) < 0 ? length : 0)
      : layers.findIndex(([name]) => name === place);
    if (layers[at]) return at;
    const names = layers.map(([name]) => name).join(', ');
    throw new RangeError(
      `Sequential.${method}: expected a layer of ${names}, got ${String(place)}`,
    );
  }

  /** Takes other layers, if they may stand together. */
  private change(layers: [string, Module][]): this {
    checkDistinct(
      'Sequential',
      layers.map(([, layer]) => layer),
    );
    const names = layers.map(([name]) => name);
    const twice = names.find((name, i) => names.indexOf(name) < i);
    if (twice !== undefined) {
      throw new RangeError(`Sequential: expected a name that is free, got ${twice}: pass a name`);
    }
    this.layers = layers;
    return this;
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

/** Outside of the class: a class that names itself gets a second name from bundlers, which outlines would show. */
function sequentialOf(): Sequential {
  return new Sequential();
}
