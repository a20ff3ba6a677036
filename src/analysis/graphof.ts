import type { Use, Value } from '../graph/node.ts';
import type { ModuleOutput, Trace } from '../graph/trace.ts';
import type { GraphStep } from '../module/graphmodule.ts';
import { join, snakeCase } from '../module/held.ts';
import type { Module } from '../module/module.ts';
import { Constant, OwnParameter, TensorOperation } from '../ops/operation.ts';
import type { Shape } from '../tensor/shape.ts';
import { type Fixed, OperationCall } from './operationcall.ts';
import { namesOf, onlyOutput, outline } from './outline.ts';

/** One call of a layer, or of an operation on tensors, in a model. */
export interface TracedStep extends GraphStep {
  /** The shapes of what it reads. */
  readonly inputShapes: readonly Shape[];
  /** The shape of what it gives. */
  readonly shape: Shape;
}

/** The calls of layers and operations in a model's forward, whatever composites they stand in. */
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
 * An operation on tensors, such as `mul`, is a step whose layer does what it did, under the name of the
 * composite that called it: `block.mul`, the next one `block.mul_2`. Tensors with values are part of the step.
 *
 * @param shape the shape of the input, or an array of shapes for several inputs; may be left out if no
 *   `forward` reads shapes and there is one input. All shapes in the result are [] then.
 * @throws RangeError if the model cannot be traced without a shape, or cannot take the shape; if it has several
 *   outputs; for a Parameter of a composite that its forward reads by itself, and for random draws
 */
export function graphOf(model: Module, shape?: Shape | readonly Shape[]): ModelGraph {
  const { integers: _, ...graph } = listSteps('graphOf', model, shape, false);
  return graph;
}

export interface ListedSteps extends ModelGraph {
  /** The inputs whose values are whole numbers. */
  readonly integers: ReadonlySet<string>;
}

/**
 * @param parameters whether operations may read a Parameter that belongs to a composite
 * @param whole which composites are one step, and not the steps inside them
 */
export function listSteps(
  who: string,
  model: Module,
  shape: Shape | readonly Shape[] | undefined,
  parameters: boolean,
  whole?: (module: object) => boolean,
): ListedSteps {
  const [trace, returned] = outline(who, model, shape);
  const output = onlyOutput(who, model, returned);
  const names = graphNames(model, trace);
  const composites = whole && wholesOf(model, trace, names, whole);
  const steps = trace.uses.flatMap((use): TracedStep[] => {
    const outer = composites?.get(use);
    if (outer && outer.value !== use.output) return [];
    const call = outer
      ? { layer: outer.module as Module, inputs: outer.inputs!.map(({ value }) => value) }
      : callOf(who, use, names, parameters);
    if (!call) return [];
    return [
      {
        name: names.get(use.output)!,
        layer: call.layer,
        inputs: call.inputs.map((value) => names.get(value)!),
        inputShapes: call.inputs.map((value) => value.shape),
        shape: use.output.shape,
      },
    ];
  });
  const inputs = trace.inputs.map((value) => names.get(value)!);
  const inputShapes = trace.inputs.map((value) => value.shape);
  const integers = new Set(inputs.filter((_, i) => trace.inputs[i]!.dtype === 'i32'));
  return { inputs, inputShapes, steps, output: names.get(output)!, integers };
}

/** By use the call of the outermost composite that is one step. The output gets the name of the composite. */
function wholesOf(
  model: Module,
  { outputs }: Trace,
  names: Map<Value, string>,
  whole: (module: object) => boolean,
): Map<Use, ModuleOutput> {
  const places = new Map<object, string>(model.namedModules().map(([name, m]) => [m, name]));
  const calls = new Map<object, number>();
  const composites = new Map<Use, ModuleOutput>();
  for (const [end, composite] of outputs.entries()) {
    const { module, value, from } = composite;
    if (from === undefined || !whole(module)) continue;
    for (const { value: inner } of outputs.slice(from, end)) {
      if (inner.producer) composites.set(inner.producer, composite);
    }
    const call = (calls.get(module) ?? 0) + 1;
    calls.set(module, call);
    const name = places.get(module) || '0';
    names.set(value, call > 1 ? `${name}#${call}` : name);
  }
  return composites;
}

/**
 * The layer of a use and what it reads; undefined for a constant, which is a part of the steps that read it.
 *
 * @throws RangeError for an operation that cannot stand in a list of layers
 */
export function callOf(
  who: string,
  { leaf, inputs, output }: Use,
  names: ReadonlyMap<Value, string>,
  parameters = false,
): { layer: Module; inputs: readonly Value[] } | undefined {
  if (!(leaf instanceof TensorOperation)) return { layer: leaf as unknown as Module, inputs };
  const place = `${who}: ${names.get(output)}`;
  const own = leaf instanceof OwnParameter;
  if (own && !parameters) {
    throw new RangeError(
      `${place}: a list of layers has no place for the ${leaf} that a forward reads by itself: keep it in a layer ` +
        'such as Linear or PReLU, or write a Layer that holds it',
    );
  }
  if (own || leaf instanceof Constant) return undefined;
  if (leaf.ownParameters().length > 0) {
    throw new RangeError(
      `${place}: a list of layers has no place for ${leaf}, whose weights its layer holds`,
    );
  }
  if (inputs.length === 0) {
    throw new RangeError(
      `${place}: a list of layers has no place for the random draw ${leaf}: make it an input of the model`,
    );
  }
  const operands = inputs.map(({ producer }): Fixed => {
    const source = producer?.leaf;
    return source instanceof Constant ? source.source : source && ownParameter(source);
  });
  const read = inputs.filter((_, i) => !operands[i]);
  if (read.length > 0) return { layer: new OperationCall(leaf, operands), inputs: read };
  throw new RangeError(
    `${place}: a list of layers has no place for ${leaf} of what does not depend on an input: compute it before ` +
      'the forward',
  );
}

/** The Parameter that an operation brings into a forward. */
function ownParameter(leaf: Use['leaf']): Fixed {
  return leaf instanceof OwnParameter ? leaf.parameter : undefined;
}

/**
 * Names the tensors of a trace by its inputs and the layers that make them; the second call is `name#2`. An
 * operation is named after the composite that called it: `block.mul`, `block.mul_2`.
 */
export function graphNames(model: Module, { inputs, uses, outputs }: Trace): Map<Value, string> {
  const names = new Map<Value, string>();
  const taken = new Set(model.namedModules().map(([name]) => name));
  const several = inputs.length > 1;
  const add = (value: Value, name: string): void => {
    taken.add(name);
    names.set(value, name);
  };
  for (const [i, value] of inputs.entries()) {
    let name = several ? `x${i}` : 'x';
    while (taken.has(name)) name += '_';
    add(value, name);
  }
  const nameOf = namesOf(model);
  const callers = callersOf(outputs);
  const places = new Map<object, string>(model.namedModules().map(([name, m]) => [m, name]));
  const calls = new Map<string, number>();
  for (const use of uses) {
    if (use.leaf.anonymous) {
      const caller = callers.get(use.leaf);
      const place = (caller && places.get(caller)) ?? '';
      const own = nameOfOperation(use);
      const wanted = caller instanceof OperationCall ? place : join(place, own);
      let name = wanted;
      if (!(caller instanceof OperationCall)) {
        for (let i = 2; taken.has(name); i++) name = `${wanted}_${i}`;
      }
      add(use.output, name);
      continue;
    }
    const name = nameOf(use);
    const call = (calls.get(name) ?? 0) + 1;
    calls.set(name, call);
    names.set(use.output, call > 1 ? `${name}#${call}` : name);
  }
  return names;
}

/** By operation the composite whose forward called it. */
function callersOf(outputs: Trace['outputs']): Map<object, object> {
  const callers = new Map<object, object>();
  for (const [end, { module, from }] of outputs.entries()) {
    if (from === undefined) continue;
    // A composite ends after those inside it: the first that an operation is in has called it.
    for (const { module: called } of outputs.slice(from, end)) {
      if (!callers.has(called)) callers.set(called, module);
    }
  }
  return callers;
}

function nameOfOperation({ leaf }: Use): string {
  if (leaf instanceof Constant) return 'constant';
  return leaf instanceof OwnParameter ? 'parameter' : snakeCase(`${leaf}`);
}
