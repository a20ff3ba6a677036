/** Python source text: literals, names, and calls that are broken into lines where they are long. */

/** A piece of an expression: a text, or items between brackets, which may each stand on a line of its own. */
export type Doc =
  | string
  | { readonly open: string; readonly items: readonly Doc[]; readonly close: string };

const WIDTH = 100;

/** An expression, with a line for each item of what is too long for one. */
export function render(doc: Doc, indent: string, before = 0): string {
  if (typeof doc === 'string') return doc;
  const flat = inline(doc);
  if (indent.length + before + flat.length <= WIDTH) return flat;
  const deeper = `${indent}    `;
  const lines = doc.items.map((item) => `${deeper}${render(item, deeper, 1)},\n`);
  return `${doc.open}\n${lines.join('')}${indent}${doc.close}`;
}

function inline(doc: Doc): string {
  if (typeof doc === 'string') return doc;
  return `${doc.open}${doc.items.map(inline).join(', ')}${doc.close}`;
}

/** The same piece after a text, such as a key of a dict. */
export function prefixed(text: string, doc: Doc): Doc {
  return typeof doc === 'string' ? text + doc : { ...doc, open: text + doc.open };
}

export function call(name: string, ...items: readonly Doc[]): Doc {
  return { open: `${name}(`, items, close: ')' };
}

export type Value = undefined | null | boolean | number | string | readonly number[];

/** A value as Python writes it; a list of numbers as a tuple. */
export function literal(value: Value): string {
  if (value === null || value === undefined) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (typeof value === 'string') return quoted(value);
  if (typeof value === 'number') return numberText(value);
  return `(${value.map(numberText).join(', ')}${value.length === 1 ? ',' : ''})`;
}

/** A number as Python writes it. */
function numberText(value: number): string {
  return Number.isFinite(value) ? String(value) : `float("${value < 0 ? '-' : ''}inf")`;
}

/** A text in ASCII. JSON's escapes are Python's, except for characters beyond 16 bits, which JSON has in two. */
export function quoted(text: string): string {
  const ascii = (char: string): string =>
    `\\U${char.codePointAt(0)!.toString(16).padStart(8, '0')}`;
  return JSON.stringify(text).replace(/[\u007f-\u{10ffff}]/gu, ascii);
}

/** A constructor: positional arguments, and those of the options that differ from their defaults. */
export function make(
  name: string,
  args: readonly Value[],
  options: Readonly<Record<string, readonly [usual: Value, value: Value]>> = {},
): Doc {
  const given = Object.entries(options).flatMap(([key, [usual, value]]) =>
    literal(usual) === literal(value) ? [] : [`${key}=${literal(value)}`],
  );
  return call(name, ...args.map(literal), ...given);
}

const KEYWORDS = new Set(
  (
    'False None True and as assert async await break class continue def del elif else except finally for from ' +
    'global if import in is lambda nonlocal not or pass raise return try while with yield'
  ).split(' '),
);

/** What nn.Module and its containers have, so that a submodule of this name could not be read by it. */
const ATTRIBUTES = new Set(
  (
    'T_destination add_module append apply bfloat16 buffers call_super_init children clear compile cpu cuda ' +
    'double dump_patches eval extend extra_repr float forward half insert ipu items keys load_state_dict ' +
    'modules mtia parameters pop requires_grad_ share_memory state_dict to to_empty train training type ' +
    'update values xpu zero_grad'
  ).split(' '),
);

export function isIdentifier(name: string): boolean {
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(name) && !KEYWORDS.has(name);
}

/** Whether a submodule of this name can be read as `self.name`. */
export function isAttribute(name: string): boolean {
  return isIdentifier(name) && isKey(name);
}

/** Whether nn.Sequential and nn.ModuleDict take a submodule of this name. */
export function isKey(name: string): boolean {
  const taken = ATTRIBUTES.has(name) || /^(_|register_|get_|set_|named_)/.test(name);
  return name !== '' && !name.includes('.') && !taken;
}

/** A name that is not taken yet, made of the letters and digits of `text`. */
export function freshName(text: string, taken: Set<string>, otherwise: string): string {
  const plain = text.replace(/\W/g, '_').replace(/^(?=\d)/, '_');
  const base = isIdentifier(plain) && !/^_*\d*$/.test(plain) ? plain : otherwise;
  let name = base;
  for (let i = 2; taken.has(name); i++) name = `${base}${/\d$/.test(base) ? '_' : ''}${i}`;
  taken.add(name);
  return name;
}

/** Lines of a block. */
export function indented(lines: readonly string[], spaces: number): string {
  return lines.map((line) => `${' '.repeat(spaces)}${line}\n`).join('');
}
