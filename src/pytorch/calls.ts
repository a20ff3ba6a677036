import { onlyOutput, outline } from '../analysis/outline.ts';
import type { Value } from '../graph/node.ts';
import type { Module } from '../module/module.ts';
import type { TensorOperation } from '../ops/operation.ts';
import type { Shape } from '../tensor/shape.ts';

/** A call of a module or an operation in a model's forward, with the calls inside it. */
export interface Call {
  // biome-ignore lint/suspicious/noExplicitAny: of any memo
  readonly module: Module | TensorOperation<any>;
  readonly inputs: readonly Value[];
  readonly output: Value;
  readonly inside: readonly Call[];
}

/** The calls of each module and operation of a model, in their order. */
export function callsOf(
  who: string,
  model: Module,
  shape: Shape | readonly Shape[] | undefined,
): Map<Call['module'], Call[]> {
  const [trace, returned] = outline(who, model, shape);
  onlyOutput(who, model, returned);
  const calls = new Map<Call['module'], Call[]>();
  // A call stands in the list when it ends: the last is the model's own, and contains all others.
  const callAt = (index: number): Call => {
    const { module, value, inputs, from = index } = trace.outputs[index]!;
    const inside: Call[] = [];
    for (let i = index - 1; i >= from; i = (trace.outputs[i]!.from ?? i) - 1)
      inside.unshift(callAt(i));
    const given = inputs?.map((input) => input.value) ?? value.producer!.inputs;
    const call = { module: module as Call['module'], inputs: given, output: value, inside };
    calls.set(call.module, [call, ...(calls.get(call.module) ?? [])]);
    return call;
  };
  callAt(trace.outputs.length - 1);
  return calls;
}
