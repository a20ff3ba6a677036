/** What the sources and the tests say of themselves, read from their syntax: names, imports, calls. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

export const root = fileURLToPath(new URL('../../', import.meta.url));

/** A file's syntax: what it imports, and each top-level declaration's names. */
export interface Source {
  path: string;
  text: string;
  /** Local names of what is imported, and where from: a path from the root where it is a file of ours. */
  imports: Map<string, { from: string; name: string }>;
  /** Every import and export … from. */
  from: Set<string>;
  declarations: Map<string, { words: Set<string>; isClass: boolean; isAbstract: boolean }>;
  /** Identifiers, property names and strings anywhere in it. */
  words: Set<string>;
  /** Names that are called as functions. */
  calls: Set<string>;
  /** Templates such as `${name}Forward`, as expressions of the names that they can give. */
  templates: RegExp[];
  /** The first arguments of it(…), test(…) and describe(…), and of their .each. */
  titles: string[];
}

const known = new Map<string, Source>();

export function sourceOf(path: string): Source {
  const found = known.get(path) ?? read(path);
  known.set(path, found);
  return found;
}

function read(path: string): Source {
  const text = readFileSync(join(root, path), 'utf8');
  const file = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
  const source: Source = {
    path,
    text,
    imports: new Map(),
    from: new Set(),
    declarations: new Map(),
    words: new Set(),
    calls: new Set(),
    templates: [],
    titles: [],
  };
  for (const statement of file.statements) {
    if (ts.isImportDeclaration(statement) || ts.isExportDeclaration(statement)) {
      addImports(source, statement);
      continue;
    }
    const words = new Set<string>();
    collect(statement, words, source);
    for (const word of words) source.words.add(word);
    const isClass = ts.isClassDeclaration(statement);
    const isAbstract =
      isClass && !!statement.modifiers?.some(({ kind }) => kind === ts.SyntaxKind.AbstractKeyword);
    for (const name of declared(statement)) {
      source.declarations.set(name, { words, isClass, isAbstract });
    }
  }
  return source;
}

function addImports(source: Source, node: ts.ImportDeclaration | ts.ExportDeclaration): void {
  const { moduleSpecifier } = node;
  if (!moduleSpecifier || !ts.isStringLiteral(moduleSpecifier)) return;
  const { text } = moduleSpecifier;
  const from = text.startsWith('.') ? relative(root, join(root, dirname(source.path), text)) : text;
  source.from.add(from);
  const named = ts.isImportDeclaration(node) ? node.importClause?.namedBindings : node.exportClause;
  if (!named) return;
  if (ts.isNamespaceImport(named) || ts.isNamespaceExport(named)) return;
  for (const { name, propertyName, isTypeOnly } of named.elements) {
    if (isTypeOnly || node.getText().startsWith('import type')) continue;
    source.imports.set(name.text, { from, name: (propertyName ?? name).text });
  }
}

function declared(statement: ts.Statement): string[] {
  if (ts.isVariableStatement(statement)) {
    return statement.declarationList.declarations.map(({ name }) => name.getText());
  }
  const { name } = statement as { name?: ts.Identifier };
  return name ? [name.text] : [];
}

function collect(node: ts.Node, words: Set<string>, source: Source): void {
  if (ts.isIdentifier(node) || ts.isStringLiteralLike(node)) words.add(node.text);
  if (ts.isTemplateExpression(node)) {
    const parts = [node.head.text, ...node.templateSpans.map(({ literal }) => literal.text)];
    if (parts.every((part) => /^\w*$/.test(part)) && parts.some((part) => part.length > 2)) {
      source.templates.push(new RegExp(`^${parts.join('(\\w+)')}$`));
    }
  }
  if (ts.isCallExpression(node)) {
    const callee = node.expression.getText();
    source.calls.add(callee);
    if (/^(it|test|describe)\b/.test(callee) && node.arguments[0]) {
      source.titles.push(node.arguments[0].getText());
    }
  }
  node.forEachChild((child) => collect(child, words, source));
}

/** Files below a folder whose names end so. */
export function filesOf(folder: string, ending: string, ...without: string[]): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith(ending) && !without.some((part) => path.startsWith(part)))
    .map((path) => join(folder, path))
    .sort();
}

/** A file and the files of `folder` that it imports, directly or not. */
export function withImports(path: string, folder: string): Source[] {
  const seen = new Set<string>();
  const visit = (at: string): void => {
    if (seen.has(at) || !exists(at)) return;
    seen.add(at);
    for (const from of sourceOf(at).from) if (from.startsWith(folder)) visit(from);
  };
  visit(path);
  return [...seen].map(sourceOf);
}

/** Every word that a declaration reaches through declarations of the same top room of src/, and of src/ops. */
export function reach(path: string, name: string): Set<string> {
  const room = path.split('/').slice(0, 2).join('/');
  const words = new Set<string>();
  const seen = new Set<string>();
  const visit = (at: string, what: string): void => {
    const key = `${at} ${what}`;
    if (seen.has(key)) return;
    seen.add(key);
    const source = sourceOf(at);
    const imported = source.imports.get(what);
    if (imported) {
      if (imported.from.startsWith(room) || imported.from.startsWith('src/ops/'))
        visit(imported.from, imported.name);
      return;
    }
    for (const word of source.declarations.get(what)?.words ?? []) {
      words.add(word);
      if (source.declarations.has(word) || source.imports.has(word)) visit(at, word);
    }
  };
  visit(path, name);
  return words;
}

export const exists = (path: string) => existsSync(join(root, path));

export const stemOf = (path: string) => basename(path).replace(/\.(test\.)?\w+$/, '');
