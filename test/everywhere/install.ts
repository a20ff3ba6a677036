/** Brings the runtimes here: npm packages into build/everywhere, browsers from Debian where we may. */
import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { Missing } from './runtime.ts';

const folder = fileURLToPath(new URL('../../build/everywhere/', import.meta.url));
const wanted = fileURLToPath(new URL('package.json', import.meta.url));

/** The packages of package.json beside this file, installed once for each state of it. */
export function installPackages(): void {
  const here = join(folder, 'package.json');
  const installed = join(folder, 'node_modules/.package-lock.json');
  const same = existsSync(installed) && readFileSync(here, 'utf8') === readFileSync(wanted, 'utf8');
  if (same) return;
  console.error('installing runtimes into build/everywhere');
  mkdirSync(folder, { recursive: true });
  copyFileSync(wanted, here);
  const args = ['install', '--no-audit', '--no-fund', '--loglevel=error', '--no-package-lock'];
  execFileSync('npm', args, { cwd: folder, stdio: ['ignore', 'ignore', 'inherit'] });
}

/** A file of the installed packages. @throws Missing */
export function packaged(path: string): string {
  installPackages();
  const file = join(folder, 'node_modules', path);
  if (!existsSync(file))
    throw new Missing(`npm has no ${path} for ${process.platform} ${process.arch}`);
  return file;
}

/**
 * A file of a package that is for another kind of processor, which npm refuses to install: it is fetched and
 * unpacked instead. @throws Missing
 */
export function unpacked(name: string, version: string, path: string): string {
  const home = join(folder, 'unpacked', `${name}-${version}`);
  const file = join(home, path);
  if (existsSync(file)) return file;
  console.error(`unpacking ${name} into build/everywhere`);
  const partial = `${home}.partial`;
  mkdirSync(partial, { recursive: true });
  try {
    const args = ['pack', `${name}@${version}`, '--json', '--loglevel=error'];
    const packed = execFileSync('npm', args, {
      cwd: partial,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [{ filename }] = JSON.parse(packed);
    execFileSync('tar', ['-xzf', filename, '--strip-components=1'], { cwd: partial });
    rmSync(join(partial, filename));
    renameSync(partial, home);
  } catch (error) {
    rmSync(partial, { recursive: true, force: true });
    throw new Missing(`npm has no ${name} ${version}: ${error}`);
  }
  return file;
}

/** An installed package as a module. */
// biome-ignore lint/suspicious/noExplicitAny: packages that the project itself does not depend on
export function importPackaged(name: string): Promise<any> {
  installPackages();
  return import(pathToFileURL(createRequire(join(folder, 'package.json')).resolve(name)).href);
}

let updated = false;

/** The first of the programs that is there, if need be after installing Debian packages. @throws Missing */
export function debian(programs: readonly string[], ...packages: string[]): string {
  const find = () => programs.find((path) => existsSync(path));
  let found = find();
  if (found && packages.every((name) => isInstalled(name))) return found;
  if (process.getuid?.() === 0 && existsSync('/usr/bin/apt-get')) {
    console.error(`installing ${packages.join(', ')}`);
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    const apt = (...args: string[]) =>
      execFileSync('apt-get', ['-qq', ...args], { env, stdio: 'ignore' });
    try {
      if (!updated) apt('update');
      updated = true;
      apt('install', '-y', '--no-install-recommends', ...packages);
    } catch {
      // Said below, by what is missing.
    }
    found = find();
  }
  if (!found) throw new Missing(`apt-get install ${packages.join(' ')}`);
  return found;
}

function isInstalled(name: string): boolean {
  return existsSync(`/var/lib/dpkg/info/${name}.list`);
}
