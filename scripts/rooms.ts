/**
 * Which folder of src/ imports from which, read from the import statements, and the diagram of it in
 * ARCHITECTURE.md.
 *
 *   tsx scripts/rooms.ts            writes the picture into ARCHITECTURE.md
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { filesOf } from './cache.ts';

/** File by file, the files of the same tree that it imports, types included. */
export type Imports = ReadonlyMap<string, readonly string[]>;

const IMPORT =
  /^(?:import|export)\b[^'"]*?\bfrom\s+['"](\.[^'"]*)['"]|\bimport\(\s*['"](\.[^'"]*)['"]\s*\)/gm;

/** The imports of all files under `root`. In assembly/ they have no file extension. */
export function importsOf(root: string): Imports {
  const files = filesOf(root).filter((path) => path.endsWith('.ts'));
  return new Map(
    files.map((path) => {
      const found = [...readFileSync(path, 'utf8').matchAll(IMPORT)].map(([, from, dynamic]) => {
        const target = join(dirname(path), (from ?? dynamic)!);
        return target.endsWith('.ts') ? target : `${target}.ts`;
      });
      return [path, found.filter((target) => files.includes(target))];
    }),
  );
}

/** The files of a circle of imports, or undefined. */
export function circleOf(imports: Imports): string[] | undefined {
  const done = new Set<string>();
  const path: string[] = [];
  const visit = (file: string): string[] | undefined => {
    const at = path.indexOf(file);
    if (at >= 0) return path.slice(at);
    if (done.has(file)) return undefined;
    path.push(file);
    for (const target of imports.get(file) ?? []) {
      const circle = visit(target);
      if (circle) return circle;
    }
    path.pop();
    done.add(file);
    return undefined;
  };
  for (const file of imports.keys()) {
    const circle = visit(file);
    if (circle) return circle;
  }
  return undefined;
}

/** A file's room: the folder below `root`, or the file itself. */
function roomOf(root: string, path: string): string {
  return path.slice(root.length + 1).split('/')[0]!;
}

/** Room by room, the rooms that it imports from. */
export function roomsOf(root: string, imports: Imports): Map<string, Set<string>> {
  const rooms = new Map<string, Set<string>>();
  for (const [file, targets] of imports) {
    const room = roomOf(root, file);
    const found = rooms.get(room) ?? new Set();
    for (const target of targets)
      if (roomOf(root, target) !== room) found.add(roomOf(root, target));
    rooms.set(room, found);
  }
  return rooms;
}

/** Rooms that everybody uses, or that only re-export: arrows to and from them would hide the rest. */
const LEFT_OUT = ['index.ts', 'wasm.d.ts', 'generated'];

/**
 * The picture, as a mermaid graph: an arrow from a room to each that it imports from, except those that it
 * reaches through another one anyway.
 */
export function picture(root: string): string {
  const rooms = roomsOf(root, importsOf(root));
  for (const name of LEFT_OUT) rooms.delete(name);
  const reach = (from: string, seen = new Set<string>()): Set<string> => {
    for (const to of rooms.get(from) ?? []) {
      if (!rooms.has(to) || seen.has(to)) continue;
      seen.add(to);
      reach(to, seen);
    }
    return seen;
  };
  const lines = [...rooms.keys()].sort().flatMap((room) => {
    const targets = [...rooms.get(room)!].filter((to) => rooms.has(to)).sort();
    return targets
      .filter((to) => !targets.some((other) => other !== to && reach(other).has(to)))
      .map((to) => `  ${room} --> ${to}`);
  });
  return ['```mermaid', 'graph TD', ...lines, '```'].join('\n');
}

const BEGIN = '<!-- rooms: written by scripts/rooms.ts -->';
const END = '<!-- /rooms -->';

/** ARCHITECTURE.md's text with the picture as it should be. */
export function withPicture(text: string): string {
  const [before, rest] = [text.slice(0, text.indexOf(BEGIN)), text.slice(text.indexOf(END))];
  return `${before}${BEGIN}\n${picture('src')}\n${rest}`;
}

if (import.meta.filename === process.argv[1]) {
  const file = 'ARCHITECTURE.md';
  writeFileSync(file, withPicture(readFileSync(file, 'utf8')));
}
