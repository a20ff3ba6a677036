/** The package as npm would install it, and programs that import it, bundled for each kind of runtime. */
import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, type Plugin } from 'esbuild';

/**
 * How a program meets its runtime: `installed` leaves `evenkeel` for the runtime to find in
 * node_modules, `bundled` has it inside, `script` is that without `import`, `workerd` has it inside
 * but for the .wasm files, which stand beside.
 */
export type Kind = 'installed' | 'bundled' | 'script' | 'workerd';

const root = fileURLToPath(new URL('../../', import.meta.url));

export class Program {
  /** Where node_modules/evenkeel is. */
  readonly folder = mkdtempSync(join(tmpdir(), 'everywhere-'));
  private readonly built = new Map<string, Promise<string>>();

  /** @param entry a module whose default export answers requests */
  constructor(private readonly entry: string) {
    const options = ['--json', '--ignore-scripts', '--loglevel=error'];
    const args = ['pack', ...options, '--pack-destination', this.folder];
    const [{ filename }] = JSON.parse(execFileSync('npm', args, { cwd: root, encoding: 'utf8' }));
    const home = join(this.folder, 'node_modules/evenkeel');
    mkdirSync(home, { recursive: true });
    execFileSync('tar', ['-xzf', join(this.folder, filename), '-C', home, '--strip-components=1']);
    // What `npm install` leaves: Deno looks for a package only where it is a dependency.
    const { version } = JSON.parse(readFileSync(join(home, 'package.json'), 'utf8'));
    const manifest = { type: 'module', dependencies: { evenkeel: version } };
    writeFileSync(join(this.folder, 'package.json'), JSON.stringify(manifest));
  }

  /** The file that hosts the program in the manner of hosts/HOST.ts. */
  file(host: string, kind: Kind): Promise<string> {
    const name = `${host}-${kind}`;
    const known = this.built.get(name) ?? this.bundle(host, kind, name);
    this.built.set(name, known);
    return known;
  }

  private async bundle(host: string, kind: Kind, name: string): Promise<string> {
    const outfile = join(this.folder, `${name}.mjs`);
    await build({
      entryPoints: [join(root, `test/everywhere/hosts/${host}.ts`)],
      outfile,
      bundle: true,
      format: kind === 'script' ? 'iife' : 'esm',
      target: 'es2022',
      conditions: { script: ['edge-light'], workerd: ['workerd'], installed: [], bundled: [] }[
        kind
      ],
      external: kind === 'installed' ? ['evenkeel', 'evenkeel/*', 'node:*'] : ['node:*'],
      plugins: [this.resolution(kind)],
      logLevel: 'warning',
    });
    return outfile;
  }

  /**
   * `program` is the entry, `goldens` PyTorch's answers, `ops` the files of ops/, `evenkeel` the unpacked
   * package; a .wasm is a module.
   */
  private resolution(packaging: Kind): Plugin {
    const { entry, folder } = this;
    return {
      name: 'everywhere',
      setup(building) {
        building.onResolve({ filter: /^program$/ }, () => ({ path: entry }));
        building.onResolve({ filter: /^goldens$/ }, () => ({
          path: 'goldens',
          namespace: 'goldens',
        }));
        building.onLoad({ filter: /.*/, namespace: 'goldens' }, () => ({ contents: goldens() }));
        building.onResolve({ filter: /^ops$/ }, () => ({ path: 'ops', namespace: 'ops' }));
        building.onLoad({ filter: /.*/, namespace: 'ops' }, () => ({
          contents: ops(),
          resolveDir: join(root, 'test/everywhere/ops'),
        }));
        building.onResolve({ filter: /\.wasm$/ }, ({ path, resolveDir }) => {
          const file = join(resolveDir, path);
          if (packaging !== 'workerd') return { path: file, namespace: 'wasm' };
          copyFileSync(file, join(folder, basename(file)));
          return { path: `./${basename(file)}`, external: true };
        });
        building.onLoad({ filter: /.*/, namespace: 'wasm' }, ({ path }) => ({
          contents: inlined(readFileSync(path)),
        }));
        building.onResolve({ filter: /^evenkeel(\/|$)/ }, ({ path, resolveDir, kind }) => {
          if (resolveDir === folder || building.initialOptions.external?.includes('evenkeel'))
            return;
          return building.resolve(path, { resolveDir: folder, kind });
        });
      },
    };
  }

  close(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** A module that holds test/goldens/*.json as text, to be parsed where it is needed. */
function goldens(): string {
  const folder = join(root, 'test/goldens');
  const names = readdirSync(folder).filter((name) => name.endsWith('.json'));
  const texts = names.map((name) => {
    const cases = JSON.parse(readFileSync(join(folder, name), 'utf8'));
    return [basename(name, '.json'), JSON.stringify(cases)];
  });
  return `export default ${JSON.stringify(Object.fromEntries(texts))};`;
}

/** A module that exports what each file of ops/ exports, by the file's name. */
function ops(): string {
  const files = readdirSync(join(root, 'test/everywhere/ops'));
  const imports = files.map((file, i) => `import op${i} from './${file}';`);
  const names = files.map((file, i) => `${JSON.stringify(basename(file, '.ts'))}: op${i}`);
  return `${imports.join('\n')}\nexport default { ${names.join(', ')} };`;
}

/** A module that compiles these bytes and exports what comes of it, as workerd does with a file. */
function inlined(bytes: Buffer): string {
  const text = bytes.toString('base64');
  return `export default new WebAssembly.Module(Uint8Array.from(atob('${text}'), (c) => c.charCodeAt(0)));`;
}
