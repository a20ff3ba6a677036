import type { Kernels, Pointer } from '../../src/generated/kernels.ts';
import { Arena } from './kernels.ts';
import type { Layout } from './struct.ts';

let arena: Arena | undefined;

/** Places a struct of sizes. */
type Place = <T extends object, Name extends string>(
  layout: Layout<T, Name>,
  values: T,
) => Pointer<Name>;

/** How many float32 numbers a kernel's own `…Scratch` function asks for. */
export function scratchLength(ask: (kernels: Kernels, place: Place) => number): number {
  const { kernels } = (arena ??= new Arena());
  arena.reset();
  return ask(kernels, (layout, values) => arena!.struct(layout, values).ptr) / 4;
}
