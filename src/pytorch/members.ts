/** The submodules of a composite: how Python holds them, and by which expression it reads them. */
import { Residual } from '../layers/residual.ts';
import { snakeCase } from '../module/held.ts';
import { Layer } from '../module/layer.ts';
import { Leaf } from '../module/leaf.ts';
import type { Module } from '../module/module.ts';
import { Sequential } from '../module/sequential.ts';
import { isAttribute, isIdentifier, isKey, quoted } from './python.ts';

/**
 * Modules in an array or object of a composite: an nn.ModuleList, an nn.ModuleDict, or if that does not take a
 * name, a bare module that holds them.
 */
export interface Container {
  readonly kind: 'list' | 'dict' | 'holder';
  readonly items: readonly (readonly [key: string, item: Module | Container])[];
}

export function isHeld(item: Module | Container): item is Container {
  return 'kind' in item && 'items' in item;
}

/** The expression that reads an item of a container. */
export function itemPath(path: string, { kind }: Container, key: string): string {
  if (kind === 'list') return `${path}[${key}]`;
  return `${path}${kind === 'dict' ? '' : '._modules'}[${quoted(key)}]`;
}

/** What a composite has: what stands behind `self` to read it, and the module or modules. */
export interface Member {
  readonly suffix: string;
  readonly item: Module | Container;
}

type Tree = Map<string, Module | Tree>;

/**
 * The members of a composite. Its children's names are dotted where it keeps them in arrays and objects. A name
 * that Python cannot write behind a dot is a key of `_modules`: the state-dict keys are the same.
 *
 * @throws RangeError for a name that is both that of a module and the beginning of another's
 */
export function membersOf(module: Module): Member[] {
  const tree: Tree = new Map();
  for (const [name, child] of module.children()) {
    if (place(tree, name.split('.'), child)) continue;
    throw new RangeError(
      `toPyTorch: ${module}: ${name}: PyTorch cannot have a layer in a layer of this name: rename one of them`,
    );
  }
  return [...tree].map(([name, item]) => ({
    suffix: isAttribute(name) ? `.${name}` : `._modules[${quoted(name)}]`,
    item: item instanceof Map ? containerOf(item) : item,
  }));
}

/** Every module in a composite, with the expression that reads it; those in other composites, too. */
export function pathsOf(
  module: Module,
  self: string,
  found = new Map<Module, string>(),
  members = accessOf(module),
) {
  const visit = (item: Module | Container, path: string): void => {
    if (isHeld(item)) {
      for (const [key, inner] of item.items) visit(inner, itemPath(path, item, key));
    } else if (!found.has(item)) {
      found.set(item, path);
      pathsOf(item, path, found);
    }
  };
  for (const { suffix, item } of members) visit(item, self + suffix);
  return found;
}

/** How the parts of a module are read. nn.Sequential's are read by their index. */
export function accessOf(module: Module): readonly Member[] {
  if (isSequential(module)) {
    return module.children().map(([, item], i) => ({ suffix: `[${i}]`, item }));
  }
  if (!(module.constructor === Residual)) return membersOf(module);
  const { body, shortcut } = module as Residual;
  return [
    { suffix: '.body', item: body },
    ...(shortcut ? [{ suffix: '.shortcut', item: shortcut }] : []),
  ];
}

export function isSequential(module: Module): module is Sequential {
  return module.constructor === Sequential;
}

function place(tree: Tree, [name, ...rest]: readonly string[], child: Module): boolean {
  if (rest.length === 0) {
    if (tree.has(name!)) return false;
    tree.set(name!, child);
    return true;
  }
  const inner = tree.get(name!) ?? new Map();
  if (!(inner instanceof Map)) return false;
  tree.set(name!, inner);
  return place(inner, rest, child);
}

function containerOf(tree: Tree): Container {
  const keys = [...tree.keys()];
  const items = [...tree].map(
    ([key, item]) => [key, item instanceof Map ? containerOf(item) : item] as const,
  );
  const isList = keys.every((key, i) => key === String(i));
  return { kind: isList ? 'list' : keys.every(isKey) ? 'dict' : 'holder', items };
}

/** How a parameter or buffer of a module is assigned. */
export function tensorSuffix(name: string, registry: '_parameters' | '_buffers'): string {
  return isIdentifier(name) ? `.${name}` : `.${registry}[${quoted(name)}]`;
}

/** The name of a module's parameter: the state-dict key's in layers of the package, the property in a user's own. */
export function nameInPython(module: Module, property: string): string {
  const own = !(module instanceof Leaf) || module instanceof Layer;
  return own ? property : snakeCase(property);
}
