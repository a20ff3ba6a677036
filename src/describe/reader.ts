import { Module } from '../module/module.ts';
import { checkInteger, describe } from '../tensor/check.ts';
import { Generator } from '../tensor/random.ts';
import type { Making } from './entry.ts';
import { MAX_DEPTH, meant, type Place } from './place.ts';
import { known } from './registry.ts';

/** Makes the layers of one description. */
export class Reader implements Making {
  private readonly byId = new Map<number, object>();
  private depth = 0;
  private taken = 0;

  /** @param limit how many numbers the parameters and buffers may hold together */
  constructor(private readonly limit: number) {}

  /** Makes the layer that stands here, or returns the one that stands elsewhere, too. */
  module(place: Place): Module {
    const same = this.same(place);
    if (same instanceof Module) return same;
    if (same) throw place.error('expected the id of a layer, got that of a generator');
    if (this.depth >= MAX_DEPTH) {
      throw place.error(`expected layers that stand at most ${MAX_DEPTH} deep in each other`);
    }
    const at = place.at('type');
    if (typeof at.value !== 'string') throw at.unexpected("a layer's type");
    const { byName } = known();
    const entry = byName.get(at.value);
    if (!entry) {
      const names = [...byName.keys()];
      const near = meant(at.value, names);
      const way = near.startsWith('did') ? near : 'register a class of your own under this name';
      throw at.error(`unknown layer ${describe(at.value)}: ${way}`);
    }
    this.depth++;
    const layer = entry.read(place, this);
    this.depth--;
    this.remember(place, layer);
    return layer;
  }

  /** Makes a generator of `{ seed, counter }`. */
  generator(place: Place): Generator {
    const same = this.same(place);
    if (same instanceof Generator) return same;
    if (same) throw place.error('expected the id of a generator, got that of a layer');
    place.only(['seed', 'counter', 'id'], 'not of a generator');
    const generator = new Generator();
    const [seed, counter] = [place.at('seed').value, place.at('counter').value] as number[];
    place.making(() => {
      generator.state = { seed: seed!, counter: counter! };
    });
    this.remember(place, generator);
    return generator;
  }

  /** Counts the numbers that a layer will hold, before it takes memory for them. */
  take(place: Place, numbers: number): void {
    this.taken += numbers > 0 ? numbers : 0;
    if (this.taken <= this.limit) return;
    throw place.error(
      `expected at most ${this.limit} numbers in all parameters and buffers so far, got ${this.taken}`,
    );
  }

  private same(place: Place): object | undefined {
    if (!Object.hasOwn(place.object(), 'same')) return undefined;
    place.only(['same', 'name'], 'not of a layer that stands elsewhere');
    const at = place.at('same');
    const thing = this.byId.get(at.value as number);
    if (!thing) throw at.unexpected('the id of an earlier layer');
    return thing;
  }

  private remember(place: Place, thing: object): void {
    const at = place.at('id');
    if (at.value === undefined) return;
    at.making(() => checkInteger('id', 'id', at.value as number));
    if (this.byId.has(at.value as number)) throw at.unexpected('an id of its own');
    this.byId.set(at.value as number, thing);
  }
}
