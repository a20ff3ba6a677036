/** Projects of users: a fresh folder with the packed package installed, as npm would for them. */
import { type ExecFileException, execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { executable } from './tools.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const place = mkdtempSync(join(tmpdir(), 'evenkeel-consumers-'));
process.on('exit', () => rmSync(place, { recursive: true, force: true }));

const { stdout } = await promisify(execFile)(
  'npm',
  ['pack', '--json', '--ignore-scripts', '--pack-destination', place],
  { cwd: root },
);
/** The package as it would be published. */
export const tarball = join(place, JSON.parse(stdout)[0].filename);

export class Consumer {
  private constructor(readonly folder: string) {}

  /** A project named `name` with the files of `from`, a folder of this repository. */
  static async make(name: string, from = 'test/bundlers/app'): Promise<Consumer> {
    const folder = join(place, name);
    mkdirSync(folder, { recursive: true });
    cpSync(join(root, from), folder, { recursive: true });
    const consumer = new Consumer(folder);
    consumer.write('package.json', JSON.stringify({ name: 'consumer', type: 'module' }));
    await consumer.run('npm', 'install', '--no-audit', '--no-fund', '--offline', tarball);
    return consumer;
  }

  path(...parts: string[]): string {
    return join(this.folder, ...parts);
  }

  write(path: string, content: string): void {
    writeFileSync(this.path(path), content);
  }

  /** Runs one of the tools here; what it printed. */
  tool(name: string, ...args: string[]): Promise<string> {
    return this.run(executable(name), ...args);
  }

  /** @throws Error with everything that the program printed, if it fails */
  async run(program: string, ...args: string[]): Promise<string> {
    try {
      const env = { ...process.env, NODE_ENV: '', NO_COLOR: '1', WRANGLER_SEND_METRICS: 'false' };
      const done = await promisify(execFile)(program, args, {
        cwd: this.folder,
        env,
        timeout: 120_000,
      });
      return done.stdout;
    } catch (error) {
      const { stdout, stderr, message } = error as ExecFileException;
      throw new Error(`${message}\n${stdout}\n${stderr}`.trim());
    }
  }
}
