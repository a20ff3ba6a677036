/**
 * What keeps the kernels from starting is named, with the way out. Provoked for real where Node can be
 * told to be that poor; pages with a Content-Security-Policy and workerd are in test/bundlers.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const folder = mkdtempSync(join(tmpdir(), 'refusal-'));
const program = join(folder, 'program.mjs');
afterAll(() => rmSync(folder, { recursive: true }));

/** Prints a prediction, or what was thrown; what is in `before` runs first. */
beforeAll(async () => {
  await build({
    stdin: {
      resolveDir: fileURLToPath(new URL('../..', import.meta.url)),
      contents: `
        import { Linear } from './src/index.ts';
        new Function(process.argv[2] ?? '')();
        try {
          const layer = new Linear(2, 1);
          console.log('predicts', layer.predict({ data: [1, 2], shape: [1, 2] }).shape.join());
        } catch (error) {
          console.log(error.message);
          console.log('cause:', error.cause?.message);
        }`,
    },
    outfile: program,
    bundle: true,
    format: 'esm',
    platform: 'neutral',
    mainFields: ['module', 'main'],
  });
});

function run(before: string, ...flags: string[]): string {
  const { stdout, stderr } = spawnSync(process.execPath, [...flags, program, before], {
    encoding: 'utf8',
  });
  return stdout || stderr;
}

/** Compiles nothing longer than `most` bytes, as engines say it. */
const refuse = (most: number, message: string) => `
  const { Module } = WebAssembly;
  WebAssembly.Module = function (bytes) {
    if (bytes.length > ${most}) throw new WebAssembly.CompileError(${JSON.stringify(message)});
    return new Module(bytes);
  };`;

describe('the kernels', () => {
  it('start where nothing is in the way', () => {
    expect(run('')).toBe('predicts 1,1\n');
  });

  it('start without SharedArrayBuffer', () => {
    expect(run('delete globalThis.SharedArrayBuffer; delete globalThis.Atomics;')).toBe(
      'predicts 1,1\n',
    );
  });

  it.each([['--jitless'], ['--no-expose-wasm']])('miss WebAssembly under %s', (flag) => {
    expect(run('', flag)).toMatch(/^evenkeel: this runtime has no WebAssembly, .*enable it/m);
  });

  it.runIf(process.arch === 'x64')('miss SIMD on a processor without SSE4.1', () => {
    expect(run('', '--no-enable-sse4-1')).toMatch(
      /^evenkeel: this runtime or processor has no WebAssembly SIMD: use Chrome 98.*\ncause: .*SIMD/,
    );
  });

  it('are too long for pages of older Chromes', () => {
    const disallowed = 'WebAssembly.Compile is disallowed on the main thread, if larger than 4KB.';
    expect(run(refuse(4096, disallowed))).toMatch(
      /^evenkeel: .*Chrome before 115.*train in a Worker, or fetch .*useModule.*\ncause: .*4KB/,
    );
  });

  it.each([
    ['to unpack them', 'true'],
    ['that they share', 'maximum'],
  ])('get no memory %s', (_, condition) => {
    const before = `
      const { Memory } = WebAssembly;
      let left = 1;
      WebAssembly.Memory = function ({ initial, maximum }) {
        if (${condition} && left-- > 0) throw new RangeError('could not allocate memory');
        return new Memory(maximum ? { initial, maximum } : { initial });
      };`;
    expect(run(before)).toMatch(
      /^evenkeel: no memory could be had for the WebAssembly kernels .*\ncause: could not allocate/,
    );
  });

  it('are forbidden by a page’s Content-Security-Policy', () => {
    const page = `globalThis.location = {};${refuse(0, 'blocked by CSP')}`;
    expect(run(page)).toMatch(
      /^evenkeel: the page's Content-Security-Policy .*add 'wasm-unsafe-eval'.*\ncause: blocked/,
    );
  });

  it('are forbidden by a platform that compiles nothing while it runs', () => {
    expect(run(refuse(0, 'Wasm code generation disallowed by embedder'))).toMatch(
      /^evenkeel: this platform does not compile .*condition "workerd".* useModule\ncause: Wasm code/,
    );
  });
});
