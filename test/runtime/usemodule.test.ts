/** A module of the user's own. Each test has evenkeel afresh, since a choice is one for a program. */
import { readFileSync } from 'node:fs';
import { runInNewContext } from 'node:vm';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { stamped } from '../../scripts/generate.ts';
import { STAMP } from '../../src/generated/stamp.ts';

const bytes = readFileSync(new URL('../../build/strict.wasm', import.meta.url));
const own = () => new WebAssembly.Module(new Uint8Array(stamped(bytes, STAMP)));
const row = { data: [1, 2, 3], shape: [1, 3] };

let evenkeel: typeof import('../../src/index.ts');
beforeEach(async () => {
  vi.resetModules();
  evenkeel = await import('../../src/index.ts');
});

describe('useModule', () => {
  it('has the kernels start from the module, without compiling anything', () => {
    const module = own();
    evenkeel.useModule(module);
    const { Module } = WebAssembly;
    WebAssembly.Module = class extends Module {
      constructor(source: BufferSource) {
        super(source);
        throw new Error('compiling is refused here');
      }
      static override [Symbol.hasInstance](value: unknown): boolean {
        return value instanceof Module;
      }
    };
    try {
      expect(new evenkeel.BatchNorm1d(3).predict(row).shape).toEqual([1, 3]);
    } finally {
      WebAssembly.Module = Module;
    }
  });

  it('takes a module of another realm, as edge runtimes hand them in', () => {
    const module = runInNewContext('new WebAssembly.Module(bytes)', {
      bytes: stamped(bytes, STAMP),
    });
    expect(module).not.toBeInstanceOf(WebAssembly.Module);
    evenkeel.useModule(module);
    expect(new evenkeel.BatchNorm1d(3).predict(row).shape).toEqual([1, 3]);
  });

  it('may be called again before the first layer; the last one counts', () => {
    evenkeel.useModule(own());
    evenkeel.useModule(own());
    expect(new evenkeel.BatchNorm1d(3).predict(row).shape).toEqual([1, 3]);
  });

  it('refuses once the kernels run, and says when to call it', () => {
    const norm = new evenkeel.BatchNorm1d(3);
    expect(() => evenkeel.useModule(own())).toThrow(
      'useModule: the kernels have already started: call it before the first layer, Parameter or loss is made',
    );
    expect(norm.predict(row).shape).toEqual([1, 3]);
  });

  it('refuses what is no module', () => {
    const take = (value: unknown) => () => evenkeel.useModule(value as WebAssembly.Module);
    expect(take(bytes)).toThrow(
      /expected a WebAssembly\.Module, got Uint8Array: WebAssembly\.compile/,
    );
    expect(take(undefined)).toThrow(/expected a WebAssembly\.Module, got Undefined/);
    expect(take('kernels.wasm')).toThrow(TypeError);
  });

  it('refuses a module of another build, and leaves its own kernels usable', () => {
    const unstamped = new WebAssembly.Module(new Uint8Array(bytes));
    const other = new WebAssembly.Module(new Uint8Array(stamped(bytes, '0123456789ab')));
    expect(() => evenkeel.useModule(unstamped)).toThrow(
      `useModule: expected the kernels of this version (stamp ${STAMP}), got a module with stamp none`,
    );
    expect(() => evenkeel.useModule(other)).toThrow(
      /got a module with stamp 0123456789ab: use evenk/,
    );
    expect(new evenkeel.BatchNorm1d(3).predict(row).shape).toEqual([1, 3]);
  });
});

describe('evenkeel/kernels', () => {
  it('runs a kernel on blocks of the memory that layers share', async () => {
    const { Block, kernels, memory } = await import('../../src/kernels/index.ts');
    const used = evenkeel.memoryUsage().used;
    const x = new Block(5 * 4);
    const y = new Block(5 * 4);
    expect(evenkeel.memoryUsage().used).toBeGreaterThan(used);
    x.f32.set([-2, -1, 0, 1, 2]);
    kernels().reluForward(y.ptr, x.ptr, 0, 5);
    expect([...new Float32Array(memory().buffer, y.ptr, 5)]).toEqual([0, 0, 0, 1, 2]);
    x.release();
    y.release();
    expect(evenkeel.memoryUsage().used).toBe(used);
  });
});
