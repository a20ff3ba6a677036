/** workerd, by itself and as Miniflare (and so wrangler dev) drives it. Each request is a Worker's request. */
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { createInterface } from 'node:readline';
import { importPackaged, packaged } from './install.ts';
import type { Program } from './program.ts';
import {
  opened,
  PATIENCE,
  type Reply,
  type Runtime,
  type Session,
  versionOf,
  within,
} from './runtime.ts';

const COMPATIBILITY_DATE = '2026-04-01';

/** The .wasm files that the program imports. */
const modulesOf = ({ folder }: Program) =>
  readdirSync(folder).filter((name) => name.endsWith('.wasm'));

/** The capnp configuration: one service, its modules beside it, any free port. */
const configuration = (
  file: string,
  modules: readonly string[],
) => `using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [(name = "main", worker = (
    compatibilityDate = "${COMPATIBILITY_DATE}",
    modules = [
      (name = "main", esModule = embed "${basename(file)}"),
${modules.map((name) => `      (name = "${name}", wasm = embed "${name}"),`).join('\n')}
    ],
  ))],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")],
);
`;

export const workerd: Runtime = {
  name: 'workerd',
  relaxed: 'fused',
  async open(program): Promise<Session> {
    const file = await program.file('fetch', 'workerd');
    const binary = packaged('.bin/workerd');
    const config = join(program.folder, 'config.capnp');
    writeFileSync(config, configuration(file, modulesOf(program)));
    // The third descriptor tells which port it took.
    const child = spawn(binary, ['serve', '--control-fd=3', config], {
      stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
    });
    let said = '';
    child.stderr!.on('data', (text) => {
      said = (said + text).slice(-4000);
    });
    const ended = new Promise<never>((_, reject) => {
      child.on('error', reject);
      child.on('exit', (code) => reject(new Error(`workerd ended (${code}): ${said}`)));
    });
    ended.catch(() => {});
    const listening = new Promise<number>((resolve) => {
      createInterface({ input: child.stdio[3] as NodeJS.ReadableStream }).on('line', (line) => {
        const { event, port } = JSON.parse(line);
        if (event === 'listen') resolve(port);
      });
    });
    const port = await within(30, 'workerd', Promise.race([listening, ended]));
    return {
      version: versionOf(binary, '--version'),
      async ask(request) {
        const body = JSON.stringify(request);
        const sent = fetch(`http://127.0.0.1:${port}/`, { method: 'POST', body });
        const response = await within(PATIENCE, 'workerd', Promise.race([sent, ended]));
        return opened((await response.json()) as Reply);
      },
      close: () => void child.kill(),
    };
  },
};

export const miniflare: Runtime = {
  name: 'miniflare',
  relaxed: 'fused',
  async open(program: Program): Promise<Session> {
    const file = await program.file('fetch', 'workerd');
    const { Miniflare } = await importPackaged('miniflare');
    const instance = new Miniflare({
      host: '127.0.0.1',
      port: 0,
      compatibilityDate: COMPATIBILITY_DATE,
      modulesRoot: program.folder,
      modules: [
        { type: 'ESModule', path: file, contents: readFileSync(file, 'utf8') },
        ...modulesOf(program).map((name) => {
          const path = join(program.folder, name);
          return { type: 'CompiledWasm', path, contents: readFileSync(path) };
        }),
      ],
    });
    const { version } = JSON.parse(readFileSync(packaged('miniflare/package.json'), 'utf8'));
    return {
      version,
      async ask(request) {
        const options = { method: 'POST', body: JSON.stringify(request) };
        const sent: Promise<Response> = instance.dispatchFetch('http://localhost/', options);
        const response = await within(PATIENCE, 'miniflare', sent);
        return opened((await response.json()) as Reply);
      },
      close: () => instance.dispose(),
    };
  },
};
