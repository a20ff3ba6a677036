/** Whole programs with threads, on the built package: they end, they rest, and they may be forked. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';

async function output(program: string): Promise<string[]> {
  const file = fileURLToPath(new URL(`programs/${program}.mjs`, import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [file], { timeout: 30_000 });
  return stdout.trim().split('\n');
}

describe('a program with threads', () => {
  it('ends without closing them', async () => {
    expect(await output('exit')).toEqual(['3']);
  });

  it('takes no processor time while they wait', async () => {
    expect(Number(await output('idle'))).toBeLessThan(30);
  });

  it('may be a process of a cluster', async () => {
    const lines = await output('cluster');
    expect(lines).toHaveLength(3);
    expect(new Set(lines).size).toBe(1);
    expect(lines[0]).toMatch(/^2 /);
  });
});
