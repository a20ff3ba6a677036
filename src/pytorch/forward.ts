/** The forward of a composite: a line for each call of a layer or operation. */
import type { Value } from '../graph/node.ts';
import { Add } from '../layers/add.ts';
import { Concat } from '../layers/concat.ts';
import { Multiply } from '../layers/multiply.ts';
import { GraphModule } from '../module/graphmodule.ts';
import { heldBy, snakeCase } from '../module/held.ts';
import type { Module } from '../module/module.ts';
import { Constant, OwnParameter, TensorOperation } from '../ops/operation.ts';
import type { Parameter } from '../tensor/parameter.ts';
import type { Call } from './calls.ts';
import { membersOf, nameInPython, pathsOf, tensorSuffix } from './members.ts';
import { operationSource, shortest, tensorSource } from './operations.ts';
import { freshName, indented } from './python.ts';

/**
 * A composite's forward, with a line for each call.
 *
 * @param constants is given the tensors with values that operations read, by their names
 */
export function forwardSource(
  module: Module,
  { inputs, output, inside }: Call,
  constants: Map<string, string>,
): string {
  const paths = pathsOf(module, 'self', new Map(), membersOf(module));
  const taken = new Set(['self', 'torch', 'nn', 'F']);
  const names = module instanceof GraphModule ? module.inputs : [];
  const parameters = inputs.map((_, i) =>
    freshName(names[i] ?? (inputs.length > 1 ? `x${i}` : 'x'), taken, 'x'),
  );
  const values = new Map(inputs.map((value, i) => [value, parameters[i]!]));
  const lines: string[] = [];
  /** Numbers stand where they are read. */
  const numbers = new Map<Value, number>();
  const read = (value: Value): string => {
    const name = values.get(value);
    if (name !== undefined) return name;
    throw new RangeError(
      `toPyTorch: ${module}: expected that its forward reads what it was given, got a tensor of another forward`,
    );
  };
  for (const one of inside) {
    if (one.module instanceof TensorOperation) {
      const operation = one.module;
      if (operation instanceof OwnParameter) {
        values.set(one.output, parameterPath(module, operation.parameter));
      } else if (
        operation instanceof Constant &&
        operation.source.size === 1 &&
        !one.output.shape.length
      ) {
        numbers.set(one.output, shortest(operation.source.view()[0]!));
      } else if (operation instanceof Constant) {
        const source = tensorSource(operation.source);
        const same = [...constants].find(([, other]) => other === source)?.[0];
        const names = new Set([...constants.keys(), ...Object.keys(module)]);
        const name = same ?? freshName('constant', names, 'constant');
        constants.set(name, source);
        values.set(one.output, `self.${name}`);
      } else {
        const given = one.inputs.map((value) => numbers.get(value) ?? read(value));
        const ranks = one.inputs.map(({ shape }) => shape.length);
        const name = freshName(snakeCase(operation.name), taken, 'y');
        lines.push(`${name} = ${operationSource(operation, given, ranks)}`);
        values.set(one.output, name);
      }
      continue;
    }
    const path = paths.get(one.module);
    if (path === undefined) {
      throw new RangeError(
        `toPyTorch: ${module}: its forward calls ${one.module}, which is not a part of it: keep it in a property`,
      );
    }
    const given = one.inputs.map(read);
    const name = freshName(path.split(/\W+/).filter(Boolean).at(-1)!, taken, 'y');
    lines.push(`${name} = ${called(one, path, given)}`);
    values.set(one.output, name);
  }
  const result = read(output);
  // The last call is what is returned: no name is needed for it.
  const last = lines.at(-1);
  if (last?.startsWith(`${result} = `))
    lines.splice(-1, 1, `return ${last.slice(result.length + 3)}`);
  else lines.push(`return ${result}`);
  return `    def forward(self, ${parameters.join(', ')}):\n${indented(lines, 8)}`;
}

/** How a composite reads a parameter: its own, or that of a part of it. */
function parameterPath(module: Module, parameter: Parameter): string {
  for (const [part, path] of new Map([[module, 'self'], ...pathsOf(module, 'self')])) {
    for (const [property, value] of heldBy(part)) {
      if (value !== parameter) continue;
      return path + tensorSuffix(nameInPython(part, property), '_parameters');
    }
  }
  throw new RangeError(
    `toPyTorch: ${module}: its forward reads a Parameter [${parameter.shape}] that is not a part of it: keep it ` +
      'in a property',
  );
}

function called({ module }: Call, path: string, given: readonly string[]): string {
  if (module instanceof Add) return given.join(' + ');
  if (module instanceof Multiply) return given.join(' * ');
  if (module instanceof Concat) return `torch.cat([${given.join(', ')}], dim=${module.axis})`;
  return `${path}(${given.join(', ')})`;
}
