/** What `console.log` shows of a module. */

/** What is in an outline. */
interface Outlined {
  children(): [string, Outlined][];
}

/** A module and, indented under it, its submodules by name. A module that contains itself ends the line. */
export function outlineOf(module: Outlined, above: ReadonlySet<Outlined>): string {
  const children = above.has(module) ? [] : module.children();
  if (children.length === 0) return `${module}`;
  const within = new Set(above).add(module);
  const lines = children.map(([name, child]) => `\n(${name}): ${outlineOf(child, within)}`);
  return `${module.constructor.name}(${lines.join('').replaceAll('\n', '\n  ')}\n)`;
}
