/** Which parameters and buffers stand in a model's properties. Users may put others in their places. */
import { describe } from '../tensor/check.ts';
import { Buffer, Parameter } from '../tensor/parameter.ts';
import { type Shape, sameShape, shapeText } from '../tensor/shape.ts';

/** A property of a module that holds a parameter or a buffer. */
export interface Place {
  readonly model: Readonly<Record<string, unknown>>;
  readonly key: string;
  readonly held: Parameter | Buffer;
  readonly shape: Shape;
}

/** The places of layers as they were made. */
const settled = new WeakMap<object, readonly Place[]>();

/**
 * Says that a layer is made. From now on its sizes cannot be assigned, and its parameters and buffers can be
 * exchanged only for others of the same shapes, because its kernels rely on both.
 */
export function settle(layer: object): void {
  settled.set(layer, placesOf(layer));
  for (const [key, value] of Object.entries(layer)) {
    if (typeof value === 'number') Object.defineProperty(layer, key, { writable: false });
  }
}

/** Says that a copy is made, if the layer that it was copied from is. */
export function settleAs(copy: object, layer: object): void {
  if (settled.has(layer)) settle(copy);
}

/** The places of a module as they are now. */
export function placesOf(model: object): Place[] {
  return Object.entries(model).flatMap(([key, held]) => {
    return held instanceof Parameter || held instanceof Buffer
      ? [{ model, key, held, shape: held.shape } as Place]
      : [];
  });
}

export function isHeld({ model, key, held }: Place): boolean {
  return model[key] === held;
}

/** @throws RangeError if the property holds something else now, which a layer's kernels would misread */
export function checkHeld({ model, key, held, shape }: Place): void {
  const now = model[key];
  if (now === undefined) return;
  const kind = held instanceof Parameter ? Parameter : Buffer;
  const got = (now as Partial<Parameter> | null)?.shape ?? [];
  if (now instanceof kind && sameShape(got, shape)) return;
  throw new RangeError(
    `${model}: ${key} expected ${describe(held)} ${shapeText(shape)} as before, got ` +
      `${describe(now)} ${shapeText(got)}`,
  );
}

/** @throws RangeError if a layer holds other parameters or buffers than it was made for */
export function checkSettled(layer: object): void {
  const made = settled.get(layer);
  if (!made) return;
  for (const place of made) checkHeld(place);
  const more = placesOf(layer).find(({ key }) => !made.some((place) => place.key === key));
  if (!more) return;
  throw new RangeError(
    `${layer}: ${more.key} expected nothing, as the layer was made, got ${describe(more.held)}: ` +
      'make a layer that has it',
  );
}
