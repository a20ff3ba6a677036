/** What fold, lint and summary share: a model followed without running it, and the names of its layers. */

import type { Use } from '../graph/node.ts';
import { follow, Trace, type Traced, traceModule } from '../graph/trace.ts';
import type { Module } from '../module/module.ts';
import type { Shape } from '../tensor/check.ts';

/** Follows a model whose input's shape is not known: which layer comes after which, and no more. */
class ShapelessTrace extends Trace {
  constructor() {
    super([[]]);
  }

  protected override shapeOf(): Shape {
    return [];
  }
}

/**
 * The uses of a model's layers, for the shape of one input or an array of shapes for several. Without a
 * shape the model is followed for one input, and all tensors have the shape [].
 *
 * @throws RangeError if the model cannot be followed without a shape, or cannot take the shape
 */
export function outline(
  who: string,
  module: Module,
  shape?: Shape | readonly Shape[],
): [Trace, Traced] {
  if (shape) {
    const several = Array.isArray(shape[0]);
    return traceModule(module, (several ? shape : [shape]) as readonly Shape[]);
  }
  try {
    return follow(module, new ShapelessTrace());
  } catch (cause) {
    throw new RangeError(
      `${who}: cannot follow ${module} without a shape (${(cause as Error).message}): pass the shape ` +
        'of its input, or an array of shapes for several inputs',
      { cause },
    );
  }
}

/** Gives each use the dotted name of its layer in the model; '0' if the model is that layer. */
export function namesOf(model: Module): (use: Use) => string {
  const names = new Map<object, string>(model.namedModules().map(([name, m]) => [m, name]));
  return ({ leaf }) => names.get(leaf) || '0';
}
