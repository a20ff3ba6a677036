/** Shared by fold, lint and summary: tracing a model without running it, and naming its layers. */

import type { Use, Value } from '../graph/node.ts';
import { follow, type Returned, Trace, traceModule } from '../graph/trace.ts';
import { Module } from '../module/module.ts';
import { checkInstance } from '../tensor/options.ts';
import { ownShape, type Shape } from '../tensor/shape.ts';

/** A trace without shapes: it records which layer reads which layer's output, and all shapes are []. */
class ShapelessTrace extends Trace {
  constructor() {
    super([[]]);
  }

  protected override shapeOf({ leaf, inputs }: Use): Shape {
    // Without shapes there is one input, and a layer that sums several would be traced with one.
    if (leaf.maxInputs > 1 && inputs.length === 1 && inputs[0] === this.inputs[0]) {
      throw new RangeError(`${leaf} may take several inputs`);
    }
    return [];
  }
}

/**
 * Traces a model, and returns the trace and what forward returned.
 *
 * @param shape the shape of the input, or an array of shapes for several inputs. If left out, the model is
 *   traced with one input, and all tensors have the shape [].
 * @throws RangeError if the model cannot be traced without a shape, or cannot take the shape
 */
export function outline(
  who: string,
  module: Module,
  shape?: Shape | readonly Shape[],
): [Trace, Returned] {
  checkInstance(`${who}: model`, module, Module, 'a Module');
  if (shape !== undefined) {
    const several = Array.isArray(shape?.[0]);
    const shapes = (several ? shape : [shape]) as readonly Shape[];
    for (const each of shapes) ownShape(who, each);
    return traceModule(module, shapes);
  }
  try {
    return follow(module, new ShapelessTrace());
  } catch (cause) {
    throw new RangeError(
      `${who}: cannot trace ${module} without a shape (${(cause as Error).message}): pass the shape ` +
        'of its input, or an array of shapes for several inputs',
      { cause },
    );
  }
}

/**
 * The output of a model.
 *
 * @throws RangeError if it has several
 */
export function onlyOutput(who: string, module: Module, { values, names }: Returned): Value {
  if (!names) return values[0]!;
  throw new RangeError(
    `${who}: ${module} expected one output, got ${names.join(', ')}: pass a part of the model, or a Module ` +
      'whose forward returns one of them',
  );
}

/**
 * Returns a function that gives the dotted name of a use's layer; '0' if the model itself is the layer, and '' for an
 * operation on tensors.
 */
export function namesOf(model: Module): (use: Use) => string {
  const names = new Map<object, string>(model.namedModules().map(([name, m]) => [m, name]));
  return ({ leaf }) => (leaf.anonymous ? '' : names.get(leaf) || '0');
}
