/** The submodules of a composite: how Python holds them, and by which expression it reads them. */
import { Residual } from '../layers/residual.ts';
import { join } from '../module/held.ts';
import type { Module } from '../module/module.ts';
import { Sequential } from '../module/sequential.ts';
import { isAttribute, isIdentifier, isKey, quoted } from './python.ts';

/** Modules in an array or object of a composite: an nn.ModuleList, or else an nn.ModuleDict. */
export interface Container {
  readonly isList: boolean;
  readonly items: readonly (readonly [key: string, item: Module | Container])[];
}

/** What a composite has: what stands behind `self` to read it, and the module or modules. */
export interface Member {
  readonly suffix: string;
  readonly item: Module | Container;
}

type Tree = Map<string, Module | Tree>;

/**
 * The members of a composite. Its children's names are dotted where it keeps them in arrays and objects. A name
 * that Python cannot hold in this way is a key of `_modules` as it is: the state-dict keys are the same.
 */
export function membersOf(module: Module): Member[] {
  const tree: Tree = new Map();
  const odd: [string, Module][] = [];
  for (const [name, child] of module.children()) {
    if (!place(tree, name.split('.'), child)) odd.push([name, child]);
  }
  const members: Member[] = [];
  for (const [name, item] of tree) {
    if (!(item instanceof Map)) members.push({ suffix: suffixOf(name), item });
    else if (holdable(item)) members.push({ suffix: suffixOf(name), item: containerOf(item) });
    else odd.push(...flattened(name, item));
  }
  return [...members, ...odd.map(([name, item]) => ({ suffix: inModules(name), item }))];
}

/** Every module in a composite, with the expression that reads it; those in other composites, too. */
export function pathsOf(module: Module, self: string, found = new Map<Module, string>()) {
  const visit = (item: Module | Container, path: string): void => {
    if ('isList' in item) {
      for (const [key, inner] of item.items) {
        visit(inner, `${path}[${item.isList ? key : quoted(key)}]`);
      }
    } else if (!found.has(item)) {
      found.set(item, path);
      pathsOf(item, path, found);
    }
  };
  for (const { suffix, item } of accessOf(module)) visit(item, self + suffix);
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

const isList = (tree: Tree) => [...tree.keys()].every((key, i) => key === String(i));

/** Whether nn.ModuleList and nn.ModuleDict take all names in it. */
function holdable(tree: Tree): boolean {
  const below = [...tree.values()].every((item) => !(item instanceof Map) || holdable(item));
  return below && [...tree.keys()].every(isKey);
}

function containerOf(tree: Tree): Container {
  const items = [...tree].map(
    ([key, item]) => [key, item instanceof Map ? containerOf(item) : item] as const,
  );
  return { isList: isList(tree), items };
}

function flattened(prefix: string, tree: Tree): [string, Module][] {
  return [...tree].flatMap(([key, item]): [string, Module][] => {
    const name = join(prefix, key);
    return item instanceof Map ? flattened(name, item) : [[name, item]];
  });
}

const suffixOf = (name: string) => (isAttribute(name) ? `.${name}` : inModules(name));
const inModules = (name: string) => `._modules[${quoted(name)}]`;

/** How a parameter or buffer of a module is assigned. */
export function tensorSuffix(name: string, registry: '_parameters' | '_buffers'): string {
  return isIdentifier(name) ? `.${name}` : `.${registry}[${quoted(name)}]`;
}
