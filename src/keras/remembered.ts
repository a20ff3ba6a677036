/** The shapes that models from files take: `toLayersModel` needs them, and no layer of ours holds them. */
import type { Module } from '../module/module.ts';
import { toFirst } from './axes.ts';
import type { Value } from './builder.ts';

const shapes = new WeakMap<Module, readonly (readonly number[])[]>();

/** Notes the inputs of a model, if the file has all of their lengths. */
export function remember(model: Module, inputs: readonly Value[]): void {
  const own = inputs.map(({ shape, order }) => {
    const keras = [1, ...shape];
    return order === 'moved' ? toFirst(keras.length).map((axis) => keras[axis]!) : keras;
  });
  const known = own.every((shape) => shape.every((length) => length !== null));
  if (known) shapes.set(model, own as number[][]);
}

/** The shapes of a model's inputs with a batch of 1; undefined if they are not known. */
export function rememberedShapes(model: Module): readonly (readonly number[])[] | undefined {
  return shapes.get(model);
}
