/** The bundlers and runtimes, installed beside the project's own dependencies, so that `npm ci` stays small. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const list = fileURLToPath(new URL('../package.json', import.meta.url));
const cache = fileURLToPath(new URL('../../../node_modules/.cache/bundlers/', import.meta.url));

export const tools = await installed();

/** The folder that holds them; made anew when the list has changed. */
async function installed(): Promise<string> {
  const content = readFileSync(list);
  const folder = join(cache, createHash('sha256').update(content).digest('hex').slice(0, 12));
  const done = join(folder, 'done');
  if (existsSync(done)) return folder;
  console.log('installing bundlers and runtimes …');
  rmSync(cache, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), content);
  await run('npm', ['install', '--no-audit', '--no-fund', '--no-package-lock'], { cwd: folder });
  writeFileSync(done, '');
  return folder;
}

/** A tool's executable. */
export function executable(name: string): string {
  return join(tools, 'node_modules/.bin', name);
}

/** A tool's version, by its package. */
export function versionOf(name: string): string {
  const manifest = join(tools, 'node_modules', name, 'package.json');
  return JSON.parse(readFileSync(manifest, 'utf8')).version;
}

/** A tool as a module, resolved where `beside` resolves it. */
// biome-ignore lint/suspicious/noExplicitAny: its types are not installed with this project
export async function load(name: string, beside?: string): Promise<any> {
  const base = createRequire(join(tools, 'package.json'));
  const require = beside ? createRequire(base.resolve(beside)) : base;
  return import(pathToFileURL(require.resolve(name)).href);
}
