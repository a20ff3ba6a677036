/** The source of a model: its class, those of its composites, and the helpers that they need. */
import { Add } from '../layers/add.ts';
import { Concat } from '../layers/concat.ts';
import { Multiply } from '../layers/multiply.ts';
import { Residual } from '../layers/residual.ts';
import { heldBy } from '../module/held.ts';
import type { Module } from '../module/module.ts';
import { unexpected } from '../tensor/check.ts';
import { Buffer, Counter, Parameter } from '../tensor/parameter.ts';
import type { Call } from './calls.ts';
import { forwardSource } from './forward.ts';
import { FILES, HELPERS, type Helper, type Needs } from './helpers.ts';
import { layerSource } from './layers.ts';
import {
  type Container,
  isHeld,
  isSequential,
  membersOf,
  pathsOf,
  tensorSuffix,
} from './members.ts';
import {
  call,
  type Doc,
  freshName,
  indented,
  isKey,
  literal,
  make,
  prefixed,
  quoted,
  render,
} from './python.ts';
import { sharedAndFrozen } from './shared.ts';

export class Source implements Needs {
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

  inputsOf(layer: Module): number {
    return Math.max(1, ...(this.calls.get(layer) ?? []).map(({ inputs }) => inputs.length));
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
    const after = sharedAndFrozen(model, this.paths);
    if (this.isContainer(model)) {
      const doc = call('super().__init__', ...this.sequentialItems(model));
      const lines = [render(doc, '        '), ...after];
      return `class ${name}(nn.Sequential):\n    def __init__(self):\n${indented(lines, 8)}`;
    }
    const written = model.constructor === Residual || this.known(model) !== undefined;
    if (model.isComposite && !written) {
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

  /** What `write` gives for a module, or PyTorch's own class; undefined for what is made of its parts. */
  private known(module: Module): Doc | undefined {
    const given = this.write?.(module);
    if (given === undefined) return layerSource(module, this);
    if (typeof given === 'string') return given;
    throw unexpected(`toPyTorch: write(${module})`, 'a text or undefined', given);
  }

  /** The expression that makes a module. */
  private expression(module: Module): Doc {
    const known = this.known(module);
    if (known !== undefined) return known;
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
      forwardSource(module, one, constants),
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
