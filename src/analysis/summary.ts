import { Module } from '../module/module.ts';
import { checkInstance } from '../tensor/options.ts';
import type { Parameter } from '../tensor/parameter.ts';
import { type Shape, shapeText } from '../tensor/shape.ts';
import { type Finding, lint } from './lint.ts';
import { namesOf, outline } from './outline.ts';

/**
 * Returns a table of a model's layers: name, type, output shape and number of parameters. Below the table
 * are the findings of `lint`, if the model can be traced. Nothing is computed.
 *
 * ```ts
 * console.log(summary(model, [100, 784]));
 * ```
 *
 * @param shape the shape of the input, or an array of shapes for several inputs. If left out, the table
 *   has no output shapes.
 * @throws RangeError if a layer cannot take the shape
 */
export function summary(model: Module, shape?: Shape | readonly Shape[]): string {
  checkInstance('summary: model', model, Module, 'a Module');
  const nameOf = namesOf(model);
  const rows: string[][] = [];
  if (shape !== undefined) {
    const seen = new Set<object>();
    for (const use of outline('summary', model, shape)[0].uses) {
      const { leaf, output } = use;
      const count = seen.has(leaf) ? 'shared' : countOf(leaf);
      seen.add(leaf);
      rows.push([nameOf(use), `${leaf}`, shapeText(output.shape), count]);
    }
  } else {
    for (const [name, module] of model.namedModules()) {
      if (module.children().length === 0) rows.push([name, `${module}`, '', countOf(module)]);
    }
  }
  const parameters = model.parameters();
  const total = parameters.reduce((sum, { size }) => sum + size, 0);
  const frozen = parameters.reduce((sum, p) => sum + (p.requiresGrad ? 0 : p.size), 0);
  const foot = [`${grouped(total)} parameters, ${grouped(total - frozen)} of them trained`];
  for (const { layer, message, wayOut } of findings(model, shape)) {
    foot.push(`${layer}: ${message} (${wayOut})`);
  }
  return [...table(['name', 'layer', 'output', 'parameters'], rows), ...foot].join('\n');
}

/** The findings of lint; none if no shape is given and the model cannot be traced without one. */
function findings(model: Module, shape?: Shape | readonly Shape[]): Finding[] {
  try {
    return lint(model, { shape });
  } catch (error) {
    if (shape !== undefined) throw error;
    return [];
  }
}

function countOf(module: { ownParameters(): Parameter[] }): string {
  const own = module.ownParameters();
  return own.length === 0 ? '' : grouped(own.reduce((sum, { size }) => sum + size, 0));
}

/** Formats 1234567 as 1,234,567 in every locale. */
function grouped(n: number): string {
  return String(n).replace(/\B(?=(\d{3})+$)/g, ',');
}

/** Pads each column to its widest cell; the last column is aligned to the right. */
function table(head: string[], rows: string[][]): string[] {
  const all = [head, ...rows];
  const widths = head.map((_, i) => Math.max(...all.map((row) => row[i]!.length)));
  const line = (row: string[]): string =>
    row
      .map((cell, i) =>
        i === row.length - 1 ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!),
      )
      .join('  ');
  const rule = '─'.repeat(line(head).length);
  return [line(head), rule, ...rows.map(line), rule];
}
