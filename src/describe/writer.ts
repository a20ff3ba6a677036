import type { Module } from '../module/module.ts';
import { defaultGenerator, type Generator } from '../tensor/random.ts';
import type { Describing } from './entry.ts';
import type { Json, JsonObject } from './json.ts';
import { known } from './registry.ts';

/** Describes the layers of one model. */
export class Writer implements Describing {
  /** What was described before, for layers and generators that are in several places. */
  private readonly places = new Map<object, Record<string, Json>>();
  private ids = 0;

  constructor(readonly who: string) {}

  /**
   * A layer as `{ type, … }`. A layer that is in several places has an `id` in the first, and is
   * `{ same: id }` in the others.
   */
  module(layer: Module, path: string): JsonObject {
    const again = this.again(layer);
    if (again) return again;
    const { byName, byClass } = known();
    const type = byClass.get(layer.constructor);
    if (type === undefined) {
      throw new RangeError(`${this.who}: ${path}: ${this.unknown(layer)}`);
    }
    const node: Record<string, Json> = { type };
    this.places.set(layer, node);
    Object.assign(node, byName.get(type)!.write(layer, this, path));
    return node;
  }

  /** A generator as `{ seed, counter }`; undefined for the one that `manualSeed` sets. */
  generator(generator: Generator): Json | undefined {
    if (generator === defaultGenerator) return undefined;
    const again = this.again(generator);
    if (again) return again;
    const node: Record<string, Json> = { ...generator.state };
    this.places.set(generator, node);
    return node;
  }

  private again(thing: object): JsonObject | undefined {
    const first = this.places.get(thing);
    if (!first) return undefined;
    first.id ??= ++this.ids;
    return { same: first.id };
  }

  private unknown(layer: Module): string {
    const { name } = layer.constructor;
    const way = layer.isComposite
      ? `register('${name}', ${name}), or pass the input's shape, { shape }, to describe the calls of its layers`
      : `register('${name}', ${name})`;
    return `expected a layer of the package or a registered one, got ${layer}: ${way}`;
  }
}
