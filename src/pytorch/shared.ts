/** What a model's constructor does last: layers and weights that are in two places, and what is frozen. */
import { heldBy } from '../module/held.ts';
import type { Module } from '../module/module.ts';
import { Parameter } from '../tensor/parameter.ts';
import {
  accessOf,
  type Container,
  isHeld,
  itemPath,
  nameInPython,
  tensorSuffix,
} from './members.ts';
import { quoted } from './python.ts';

/**
 * The lines that make a translated model share what the model shares, and freeze what it freezes.
 *
 * @param paths the expression that reads each part of the model, at its first place
 */
export function sharedAndFrozen(model: Module, paths: ReadonlyMap<Module, string>): string[] {
  return [...sharedModules(model, paths), ...sharedParameters(model, paths), ...frozen(model)];
}

function sharedModules(model: Module, paths: ReadonlyMap<Module, string>): string[] {
  const lines: string[] = [];
  const again = (module: Module, self: string, above: readonly Module[]): void => {
    const visit = (item: Module | Container, path: string): void => {
      if (isHeld(item)) {
        for (const [key, inner] of item.items) visit(inner, itemPath(path, item, key));
        return;
      }
      const first = paths.get(item);
      if (first !== path) lines.push(`${path} = ${first}`);
      else if (!above.includes(item)) again(item, path, [...above, item]);
    };
    for (const { suffix, item } of accessOf(module)) visit(item, self + suffix);
  };
  again(model, 'self', [model]);
  return lines;
}

function sharedParameters(model: Module, paths: ReadonlyMap<Module, string>): string[] {
  const lines: string[] = [];
  const places = new Map<Parameter, string>();
  for (const [module, path] of new Map([[model, 'self'], ...paths])) {
    for (const [property, value] of heldBy(module)) {
      if (!(value instanceof Parameter)) continue;
      const place = path + tensorSuffix(nameInPython(module, property), '_parameters');
      const first = places.get(value);
      if (first === undefined) places.set(value, place);
      else lines.push(`${place} = ${first}`);
    }
  }
  return lines;
}

function frozen(model: Module): string[] {
  const parameters = model.namedParameters();
  const names = parameters.flatMap(([name, { requiresGrad }]) =>
    requiresGrad ? [] : quoted(name),
  );
  if (names.length === 0) return [];
  if (names.length === parameters.length) return ['self.requires_grad_(False)'];
  return [
    'parameters = dict(self.named_parameters())',
    `for name in [\n            ${names.join(',\n            ')},\n        ]:`,
    '    parameters[name].requires_grad_(False)',
  ];
}
