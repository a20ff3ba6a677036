/** Node, Deno and Bun: processes that find the package in node_modules. */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { packaged } from './install.ts';
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

export const node = (major: number): Runtime => ({
  name: `Node ${major}`,
  relaxed: major >= 22,
  threads: true,
  open: (program) => {
    const own = process.versions.node.startsWith(`${major}.`);
    const binary = own
      ? process.execPath
      : packaged(`node-${major}-${process.platform}-${process.arch}/bin/node`);
    return open(binary, [], program);
  },
});

export const deno: Runtime = {
  name: 'Deno',
  relaxed: true,
  threads: true,
  open: (program) => open(packaged('.bin/deno'), ['run', '-A', '--no-lock', '--quiet'], program),
};

export const bun: Runtime = {
  name: 'Bun',
  relaxed: true,
  threads: true,
  open: (program) => open(packaged('.bin/bun'), ['--no-install'], program),
};

async function open(binary: string, flags: readonly string[], program: Program): Promise<Session> {
  const file = await program.file('process', 'installed');
  const child = spawn(binary, [...flags, file], { cwd: program.folder, stdio: 'pipe' });
  let said = '';
  child.stderr.on('data', (text) => {
    said = (said + text).slice(-4000);
  });
  child.stdin.on('error', () => {});
  const lines = createInterface({ input: child.stdout });
  const ended = new Promise<never>((_, reject) => {
    child.on('error', reject);
    child.on('exit', (code, signal) => reject(new Error(`it ended (${signal ?? code}): ${said}`)));
  });
  ended.catch(() => {});
  return {
    version: versionOf(binary, '--version'),
    async ask(request) {
      const line = new Promise<string>((resolve) => lines.once('line', resolve));
      child.stdin.write(`${JSON.stringify(request)}\n`);
      const answer = await within(PATIENCE, binary, Promise.race([line, ended]));
      return opened(JSON.parse(answer) as Reply);
    },
    close: () => void child.kill(),
  };
}
