import type { Value } from '../graph/node.ts';
import type { Trace } from '../graph/trace.ts';
import type { GraphStep } from '../module/graphmodule.ts';
import type { Module } from '../module/module.ts';
import type { Shape } from '../tensor/shape.ts';
import { namesOf, outline } from './outline.ts';

/** One call of a layer in a model. */
export interface TracedStep extends GraphStep {
  /** The shapes of what it reads. */
  readonly inputShapes: readonly Shape[];
  /** The shape of what it gives. */
  readonly shape: Shape;
}

/** The calls of layers in a model's forward, whatever composites they stand in. */
export interface ModelGraph {
  /** Names of the inputs: 'x', or 'x0', 'x1' … */
  readonly inputs: readonly string[];
  readonly inputShapes: readonly Shape[];
  /** In the order in which they run. Each layer is the model's own. */
  readonly steps: readonly TracedStep[];
  /** The name of the step, or input, that is the output. */
  readonly output: string;
}

/**
 * Lists the calls of layers that a model's `forward` makes for an input of this shape: the model as a
 * `GraphModule` would have it.
 *
 * ```ts
 * for (const { name, layer, inputs } of graphOf(model, [1, 3, 32, 32]).steps) {
 *   console.log(`${name} = ${layer}(${inputs.join(', ')})`);
 * }
 * ```
 *
 * @param shape the shape of the input, or an array of shapes for several inputs; may be left out if no
 *   `forward` reads shapes and there is one input. All shapes in the result are [] then.
 * @throws RangeError if the model cannot be traced without a shape, or cannot take the shape
 */
export function graphOf(model: Module, shape?: Shape | readonly Shape[]): ModelGraph {
  const [trace, output] = outline('graphOf', model, shape);
  const names = graphNames(model, trace);
  const steps = trace.uses.map((use) => ({
    name: names.get(use.output)!,
    layer: use.leaf as unknown as Module,
    inputs: use.inputs.map((value) => names.get(value)!),
    inputShapes: use.inputs.map((value) => value.shape),
    shape: use.output.shape,
  }));
  const inputs = trace.inputs.map((value) => names.get(value)!);
  const inputShapes = trace.inputs.map((value) => value.shape);
  return { inputs, inputShapes, steps, output: names.get(output.value)! };
}

/**
 * Names the tensors of a trace by its inputs and the layers that make them; the second call is `name#2`.
 *
 * @throws RangeError for operations on tensors, which are no layers and have no names
 */
export function graphNames(model: Module, { inputs, uses }: Trace): Map<Value, string> {
  const names = new Map<Value, string>();
  const taken = new Set(model.namedModules().map(([name]) => name));
  const several = inputs.length > 1;
  for (const [i, value] of inputs.entries()) {
    let name = several ? `x${i}` : 'x';
    while (taken.has(name)) name += '_';
    names.set(value, name);
  }
  const nameOf = namesOf(model);
  const calls = new Map<string, number>();
  for (const use of uses) {
    if (use.leaf.anonymous) {
      throw new RangeError(
        `${model}: expected layers alone in its forward, got the operation ${use.leaf}: use a layer such as Add, ` +
          'Multiply or Permute, or pass a part of the model that has none',
      );
    }
    const name = nameOf(use);
    const call = (calls.get(name) ?? 0) + 1;
    calls.set(name, call);
    names.set(use.output, call > 1 ? `${name}#${call}` : name);
  }
  return names;
}
