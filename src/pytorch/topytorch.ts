import type { Value } from '../graph/node.ts';
import { Add } from '../layers/add.ts';
import { Concat } from '../layers/concat.ts';
import { Multiply } from '../layers/multiply.ts';
import { Residual } from '../layers/residual.ts';
import { GraphModule } from '../module/graphmodule.ts';
import { heldBy, snakeCase } from '../module/held.ts';
import { Layer } from '../module/layer.ts';
import { Leaf } from '../module/leaf.ts';
import { Module } from '../module/module.ts';
import { Constant, OwnParameter, TensorOperation } from '../ops/operation.ts';
import { unexpected } from '../tensor/check.ts';
import { checkFunction, checkInstance, optionsOf } from '../tensor/options.ts';
import { Buffer, Counter, Parameter } from '../tensor/parameter.ts';
import type { Shape } from '../tensor/shape.ts';
import { type Call, callsOf } from './calls.ts';
import { FILES, HELPERS, type Helper, type Needs } from './helpers.ts';
import { layerSource } from './layers.ts';
import {
  accessOf,
  type Container,
  isHeld,
  isSequential,
  itemPath,
  membersOf,
  pathsOf,
  tensorSuffix,
} from './members.ts';
import { operationSource, shortest, tensorSource } from './operations.ts';
import {
  call,
  type Doc,
  freshName,
  isIdentifier,
  isKey,
  literal,
  make,
  prefixed,
  quoted,
  render,
} from './python.ts';

export interface ToPyTorchOptions {
  /** The shape of the input, or an array of shapes for several inputs; needed as for `graphOf`. */
  shape?: Shape | readonly Shape[];
  /** The class's name in Python. Default 'Net'. */
  name?: string;
  /** Where `load` looks for the weights by default. Default 'model.safetensors'. */
  weights?: string;
  /**
   * Gives the Python expression that makes a layer, such as `'Square()'`, for layers of your own; undefined for
   * those that are to be translated as usual.
   */
  write?: (layer: Module) => string | undefined;
  /** Python source that stands above the classes: what the expressions of `write` need. */
  preamble?: string;
}

/**
 * Writes a model as PyTorch source: an `nn.Module` with the same submodules, names, options and state-dict
 * keys, and functions that read and write its safetensors file with nothing but struct, json and torch.
 *
 * ```ts
 * await writeFile('net.py', toPyTorch(model));
 * await writeFile('model.safetensors', saveModel(model));
 * ```
 *
 * ```python
 * from net import load, save
 * model = load("model.safetensors")
 * ```
 *
 * A `Sequential` becomes an nn.Sequential. A composite becomes a class whose forward has the calls that its
 * `forward` makes, so an `if` in it is decided once. What PyTorch lacks (batch norm's further options, RMSNorm,
 * uneven padding) is written out in a small class beside it. Frozen parameters are frozen there, too.
 *
 * Not in the source: a dropout's generator and how weights were initialized.
 *
 * @throws RangeError for a layer of your own that `write` does not know, and for a model that cannot be traced
 *   without a shape, or whose composite makes other calls the second time; TypeError for a Renorm with
 *   functions as bounds
 */
export function toPyTorch(
  model: Module,
  ...rest: [options?: ToPyTorchOptions | undefined]
): string {
  const who = 'toPyTorch';
  checkInstance(`${who}: model`, model, Module, 'a Module');
  const options = optionsOf(who, rest, {
    shape: undefined,
    name: undefined,
    weights: undefined,
    write: undefined,
    preamble: undefined,
  });
  const { name = 'Net', weights = 'model.safetensors', preamble = '' } = options;
  for (const [option, value] of Object.entries({ name, weights, preamble })) {
    if (typeof value !== 'string') throw unexpected(`${who}: ${option}`, 'a text', value);
  }
  if (!isIdentifier(name)) {
    throw new RangeError(`${who}: name expected a name of Python's, got ${quoted(name)}`);
  }
  if (options.write !== undefined) checkFunction(`${who}: write`, options.write);
  const calls = callsOf(who, model, options.shape);
  const source = new Source(model, calls, name, options.write);
  return source.text(weights, preamble);
}

class Source implements Needs {
  private readonly helpers = new Set<Helper>();
  /** The classes of composites by their text without the name. */
  private readonly classes = new Map<string, { name: string; text: string }>();
  private readonly names: Set<string>;
  private readonly paths: ReadonlyMap<Module, string>;

  constructor(
    private readonly model: Module,
    private readonly calls: ReadonlyMap<Call['module'], readonly Call[]>,
    private readonly name: string,
    private readonly write: ((layer: Module) => string | undefined) | undefined,
  ) {
    const own = ['nn', 'F', 'torch', 'struct', 'json', 'OrderedDict', 'DTYPES', 'load', 'save'];
    const files = ['read_safetensors', 'write_safetensors'];
    this.names = new Set([...own, ...files, ...Object.keys(HELPERS), name]);
    this.paths = pathsOf(model, 'self');
  }

  need(helper: Helper): void {
    this.helpers.add(helper);
  }

  text(weights: string, preamble: string): string {
    const root = this.root();
    const classes = [...this.classes.values()].map(({ text }) => text);
    const helpers = Object.keys(HELPERS) as Helper[];
    const parts = [
      ...(preamble ? [`${preamble.trimEnd()}\n`] : []),
      ...helpers.filter((helper) => this.helpers.has(helper)).map((helper) => HELPERS[helper]),
      ...classes,
      root,
      FILES,
      filesOf(this.name, weights),
    ];
    const body = parts.join('\n\n');
    const imports = [
      'import json',
      'import struct',
      ...(body.includes('OrderedDict(') ? ['from collections import OrderedDict'] : []),
      '',
      'import torch',
      ...(body.includes('F.') ? ['import torch.nn.functional as F'] : []),
      'from torch import nn',
    ];
    return `"""Written by evenkeel's toPyTorch."""\n${imports.join('\n')}\n\n\n${body}`;
  }

  /** The class of the model itself; a function if the model is a single layer. */
  private root(): string {
    const { model, name } = this;
    const after = this.afterwards();
    if (this.isContainer(model)) {
      const doc = call('super().__init__', ...this.sequentialItems(model));
      const lines = [render(doc, '        '), ...after];
      return `class ${name}(nn.Sequential):\n    def __init__(self):\n${indented(lines, 8)}`;
    }
    if (model.isComposite && model.constructor !== Residual) {
      return `class ${name}(nn.Module):\n${this.body(model, after)}`;
    }
    const doc = this.expression(model);
    const [made, ...more] = [render(prefixed('self = ', doc), '    '), ...after];
    const lines =
      more.length > 0
        ? [made!, ...more, 'return self']
        : [render(prefixed('return ', doc), '    ')];
    return `def ${name}():\n    """The model."""\n${indented(lines, 4)}`;
  }

  /** What the model's constructor does last: layers and weights that are in two places, and what is frozen. */
  private afterwards(): string[] {
    const lines: string[] = [];
    const again = (module: Module, self: string, above: readonly Module[]): void => {
      const visit = (item: Module | Container, path: string): void => {
        if (isHeld(item)) {
          for (const [key, inner] of item.items) visit(inner, itemPath(path, item, key));
          return;
        }
        const first = this.paths.get(item);
        if (first !== path) lines.push(`${path} = ${first}`);
        else if (!above.includes(item)) again(item, path, [...above, item]);
      };
      for (const { suffix, item } of accessOf(module)) visit(item, self + suffix);
    };
    again(this.model, 'self', [this.model]);
    const places = new Map<Parameter, string>();
    for (const [module, path] of new Map([[this.model, 'self'], ...this.paths])) {
      for (const [property, value] of heldBy(module)) {
        if (!(value instanceof Parameter)) continue;
        const name =
          module instanceof Leaf && !(module instanceof Layer) ? snakeCase(property) : property;
        const place = path + tensorSuffix(name, '_parameters');
        const first = places.get(value);
        if (first === undefined) places.set(value, place);
        else lines.push(`${place} = ${first}`);
      }
    }
    const frozen = this.model.namedParameters().filter(([, parameter]) => !parameter.requiresGrad);
    if (frozen.length > 0) {
      const names = frozen.map(([name]) => quoted(name));
      const all = frozen.length === this.model.namedParameters().length;
      if (all) lines.push('self.requires_grad_(False)');
      else {
        lines.push('parameters = dict(self.named_parameters())');
        lines.push(`for name in [\n            ${names.join(',\n            ')},\n        ]:`);
        lines.push('    parameters[name].requires_grad_(False)');
      }
    }
    return lines;
  }

  /** The expression that makes a module. */
  private expression(module: Module): Doc {
    const given = this.write?.(module);
    if (given !== undefined) {
      if (typeof given === 'string') return given;
      throw unexpected(`toPyTorch: write(${module})`, 'a text or undefined', given);
    }
    if (this.isContainer(module)) return call('nn.Sequential', ...this.sequentialItems(module));
    if (module.constructor === Residual) {
      const { body, shortcut } = module as Residual;
      this.need('Residual');
      const parts = shortcut ? [body, shortcut] : [body];
      return call('Residual', ...parts.map((part) => this.expression(part)));
    }
    if (module.isComposite) return call(this.classOf(module));
    if (module instanceof Add || module instanceof Multiply) {
      const name = module instanceof Add ? 'Add' : 'Multiply';
      this.need(name);
      return call(name);
    }
    if (module instanceof Concat) {
      this.need('Concat');
      return make('Concat', [module.axis]);
    }
    const doc = layerSource(module, this);
    if (doc !== undefined) return doc;
    const place = this.paths.get(module)?.replace('self', 'model') ?? 'model';
    throw new RangeError(
      `toPyTorch: ${place} (${module}): has no translation: give the Python that makes it with ` +
        "{ write: (layer) => …, preamble: 'class …' }",
    );
  }

  /** Whether a module is an nn.Sequential, which takes one input. */
  private isContainer(module: Module): boolean {
    const calls = this.calls.get(module) ?? [];
    return isSequential(module) && calls.every(({ inputs }) => inputs.length === 1);
  }

  /** The layers of an nn.Sequential: by index, or with names as one OrderedDict. */
  private sequentialItems(module: Module): Doc[] {
    const children = module.children();
    const layers = children.map(([name, child]) => [name, this.expression(child)] as const);
    if (layers.every(([name], i) => name === String(i))) return layers.map(([, doc]) => doc);
    const odd = layers.find(([name]) => !isKey(name));
    if (odd) {
      throw new RangeError(
        `toPyTorch: ${module}: expected names that nn.Sequential takes, got ${quoted(odd[0])}: it may not have ` +
          'a dot or be the name of a method: rename the layer',
      );
    }
    const pairs = layers.map(([name, doc]) => {
      return { open: '(', items: [quoted(name), doc], close: ')' };
    });
    return [{ open: 'OrderedDict([', items: pairs, close: '])' }];
  }

  /** The name of a composite's class. Composites of the same text share one. */
  private classOf(module: Module): string {
    const body = this.body(module, []);
    const known = this.classes.get(body);
    if (known) return known.name;
    const name = freshName(module.constructor.name, this.names, 'Block');
    this.classes.set(body, { name, text: `class ${name}(nn.Module):\n${body}` });
    return name;
  }

  /** The methods of a composite's class. */
  private body(module: Module, after: readonly string[]): string {
    const lines = ['super().__init__()'];
    for (const { suffix, item } of membersOf(module)) {
      // Sums, products and joins are written out in forward, and hold nothing.
      if ([Add, Multiply, Concat].some((type) => item instanceof type)) continue;
      lines.push(render(prefixed(`self${suffix} = `, this.held(item)), '        '));
    }
    for (const [name, value] of heldBy(module)) {
      if (value instanceof Parameter) {
        const place = tensorSuffix(name, '_parameters');
        lines.push(`self${place} = nn.Parameter(torch.zeros(${literal(value.shape)}))`);
      } else if (value instanceof Buffer || value instanceof Counter) {
        const zeros =
          value instanceof Buffer ? `torch.zeros(${literal(value.shape)})` : 'torch.tensor(0)';
        lines.push(`self._buffers[${quoted(name)}] = ${zeros}`);
      }
    }
    const constants = new Map<string, string>();
    const forwards = (this.calls.get(module) ?? []).map((one) =>
      this.forward(module, one, constants),
    );
    for (const [name, source] of constants) {
      lines.push(`self.register_buffer(${quoted(name)}, ${source}, persistent=False)`);
    }
    const init = `    def __init__(self):\n${indented([...lines, ...after], 8)}`;
    if (new Set(forwards).size > 1) {
      throw new RangeError(
        `toPyTorch: ${module}: expected that its forward always makes the same calls, got others the second time`,
      );
    }
    return forwards.length > 0 ? `${init}\n${forwards[0]}` : init;
  }

  private held(item: Module | Container): Doc {
    if (!isHeld(item)) return this.expression(item);
    const { kind, items } = item;
    const docs = items.map(([key, each]) => [key, this.held(each)] as const);
    if (kind === 'list') {
      return { open: 'nn.ModuleList([', items: docs.map(([, doc]) => doc), close: '])' };
    }
    if (kind === 'holder') this.need('holder');
    const pairs = docs.map(([key, doc]) => prefixed(`${quoted(key)}: `, doc));
    return { open: `${kind === 'dict' ? 'nn.ModuleDict' : 'holder'}({`, items: pairs, close: '})' };
  }

  /**
   * A composite's forward, with a line for each call.
   *
   * @param constants is given the tensors with values that operations read, by their names
   */
  private forward(
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
          values.set(one.output, this.parameterPath(module, operation.parameter));
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
      lines.push(`${name} = ${this.called(one, path, given)}`);
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
  private parameterPath(module: Module, parameter: Parameter): string {
    for (const [part, path] of new Map([[module, 'self'], ...pathsOf(module, 'self')])) {
      for (const [property, value] of heldBy(part)) {
        if (value !== parameter) continue;
        const leaf = part instanceof Leaf && !(part instanceof Layer);
        return path + tensorSuffix(leaf ? snakeCase(property) : property, '_parameters');
      }
    }
    throw new RangeError(
      `toPyTorch: ${module}: its forward reads a Parameter [${parameter.shape}] that is not a part of it: keep it ` +
        'in a property',
    );
  }

  private called({ module }: Call, path: string, given: readonly string[]): string {
    if (module instanceof Add) return given.join(' + ');
    if (module instanceof Multiply) return given.join(' * ');
    if (module instanceof Concat) return `torch.cat([${given.join(', ')}], dim=${module.axis})`;
    return `${path}(${given.join(', ')})`;
  }
}

function indented(lines: readonly string[], spaces: number): string {
  return lines.map((line) => `${' '.repeat(spaces)}${line}\n`).join('');
}

/** The model from its file, and back. */
function filesOf(name: string, weights: string): string {
  return `def load(path=${quoted(weights)}):
    """The model with the weights of a safetensors file."""
    model = ${name}()
    tensors, _ = read_safetensors(path)
    model.load_state_dict(tensors)
    return model


def save(model, path, metadata=None):
    """Writes the model's weights as a safetensors file; metadata is that of the file it came from."""
    write_safetensors(path, model.state_dict(), metadata)
`;
}
