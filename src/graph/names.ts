import type { Model } from './model.ts';
import type { Value } from './node.ts';
import type { ModuleOutput } from './trace.ts';

/** A module's output in a plan, under the module's dotted name. */
export interface NamedOutput {
  /** The second output of the same module is `name#2`, and so on; '' is the model itself. */
  readonly name: string;
  readonly module: Model;
  readonly value: Value;
}

/** Names the outputs of a plan's modules, in order of their calls' ends. */
export function namedOutputs(model: Model, outputs: readonly ModuleOutput[]): NamedOutput[] {
  const names = new Map<object, [string, Model]>(
    model.namedModules().map(([name, module]) => [module, [name, module]]),
  );
  const calls = new Map<object, number>();
  return outputs.flatMap(({ module: called, value }) => {
    const named = names.get(called);
    if (!named) return []; // an operation on tensors
    const [name, module] = named;
    const call = (calls.get(called) ?? 0) + 1;
    calls.set(called, call);
    return { name: call > 1 ? `${name}#${call}` : name, module, value };
  });
}
