/** What `npm publish` would send, as npm, publint, TypeScript's resolution and a bundler see it. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core';
import { build, type Metafile } from 'esbuild';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { linksOf } from '../../scripts/docs/pages.ts';
import { stamped } from '../../scripts/generate.ts';
import { kernelNames, renameExports } from '../../scripts/names.ts';
import { STAMP } from '../../src/generated/stamp.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const folder = mkdtempSync(join(tmpdir(), 'package-'));
afterAll(() => rmSync(folder, { recursive: true }));

let tarball: Buffer;
let files: string[];
beforeAll(() => {
  const args = ['pack', '--json', '--ignore-scripts', '--pack-destination', folder];
  const [packed] = JSON.parse(execFileSync('npm', args, { cwd: root, encoding: 'utf8' }));
  tarball = readFileSync(join(folder, packed.filename));
  files = packed.files.map(({ path }: { path: string }) => path);
});

describe('the package', () => {
  it('holds what users need and nothing else', () => {
    const wanted =
      /^(package\.json|README\.md|LICENSE|CHANGELOG\.md|docs\/[\w-]+\.png|dist\/(workerd\/)?[\w-]+\.js|dist\/[\w-]+\.js\.map|dist\/(kernels|relaxed)\.wasm|dist\/types\/[\w/-]+\.d\.ts)$/;
    expect(files.filter((path) => !wanted.test(path))).toEqual([]);
    const pictures = files.filter((path) => path.endsWith('.png'));
    const sizes = pictures.map((path) => statSync(join(root, path)).size);
    expect(Math.max(0, ...sizes)).toBeLessThan(300_000);
    const rest = tarball.length - sizes.reduce((sum, size) => sum + size, 0);
    expect(rest).toBeLessThan(1_490_000); // 490,000 of it are the source maps
  });

  it('holds the pictures of its README, and no others', () => {
    const links = linksOf(readFileSync(join(root, 'README.md'), 'utf8'));
    const pictures = links.filter((link) => /\.(png|jpe?g|gif|svg|webp)$/.test(link));
    expect(files.filter((path) => /^docs\//.test(path)).sort()).toEqual(pictures.sort());
  });

  it('exports files that are there, each entry under the same conditions', () => {
    for (const [name, target] of Object.entries<Record<string, string> | string>(
      manifest.exports,
    )) {
      const paths = typeof target === 'string' ? [target] : Object.values(target);
      for (const path of paths) expect(files).toContain(path.slice(2));
      if (typeof target !== 'string') {
        expect(Object.keys(target), name).toEqual(['types', 'workerd', 'default']);
      }
    }
  });

  it('says where it is at home, with one placeholder for the owner', () => {
    const { homepage, repository, bugs } = manifest;
    expect(repository).toEqual({ type: 'git', url: 'git+https://github.com/OWNER/evenkeel.git' });
    expect(bugs).toEqual({ url: 'https://github.com/OWNER/evenkeel/issues' });
    expect(homepage).toBe('https://OWNER.github.io/evenkeel/');
    const text = readFileSync(join(root, 'CONTRIBUTING.md'), 'utf8');
    expect(text).toMatch(/`OWNER`.* placeholder/);
  });

  it('has no dependency to install', () => {
    expect(manifest.dependencies).toBeUndefined();
    const optional = {
      '@bufbuild/protobuf': { optional: true }, // for evenkeel/onnx alone
      'ml-matrix': { optional: true }, // for evenkeel/whitening alone
    };
    expect(manifest.peerDependenciesMeta).toEqual(optional);
    expect(Object.keys(manifest.peerDependencies)).toEqual(Object.keys(optional));
  });

  it('satisfies publint', async () => {
    const { messages, pkg } = await publint({
      strict: true,
      pack: { tarball: Uint8Array.from(tarball).buffer },
    });
    expect(messages.map((message) => formatMessage(message, pkg))).toEqual([]);
  });

  it('gives TypeScript its types under node16, from ES modules, and under bundler resolution', async () => {
    const checked = await checkPackage(createPackageFromTarballData(tarball), {
      // An asset, whose import means what the platform chooses, and the script of a Worker, which exports nothing.
      excludeEntrypoints: ['./kernels.wasm', './thread.js'],
    });
    if (checked.types === false) throw new Error('no types found');
    // It is ESM only: `require` from CommonJS types is what the esm-only profile leaves out.
    const concerned = checked.problems.filter(
      (problem) =>
        !('resolutionKind' in problem) ||
        problem.resolutionKind === 'node16-esm' ||
        problem.resolutionKind === 'bundler',
    );
    expect(concerned.filter(({ kind }) => kind !== 'CJSResolvesToESM')).toEqual([]);
    for (const entry of Object.keys(manifest.exports)) {
      if (typeof manifest.exports[entry] === 'string') continue;
      const { resolutions } = checked.entrypoints[entry]!;
      expect(resolutions.bundler.resolution?.isTypeScript, entry).toBe(true);
      expect(resolutions['node16-esm'].resolution?.isTypeScript, entry).toBe(true);
    }
  });
});

/** A bundle of `code` as a user's esbuild makes it, with what went into it. */
async function bundle(code: string, ...conditions: string[]): Promise<[string, Metafile]> {
  const { outputFiles, metafile } = await build({
    stdin: { contents: code, resolveDir: root },
    bundle: true,
    write: false,
    metafile: true,
    format: 'esm',
    conditions,
    loader: { '.wasm': 'empty' },
  });
  return [outputFiles[0]!.text, metafile];
}

describe('dist/', () => {
  it.each([
    ['ml-matrix', 'whitening.js'],
    ['@bufbuild/protobuf', 'onnx.js'],
  ])('asks for %s in %s and nowhere else', (peer, entry) => {
    for (const part of ['', 'workerd/']) {
      const asking = readdirSync(join(root, 'dist', part))
        .filter((file) => file.endsWith('.js'))
        .filter((file) => readFileSync(join(root, 'dist', part, file), 'utf8').includes(peer));
      expect(asking).toEqual([entry]);
    }
  });
});

describe('a bundler', () => {
  it('takes BatchNorm1d alone without optimizers, losses, convolutions, fit, data or model files', async () => {
    const [text] = await bundle(`export { BatchNorm1d } from 'evenkeel';`);
    expect(text).toMatch(/\bBatchNorm1d = class\b|class BatchNorm1d\b/);
    for (const absent of [
      ...['class Adam', 'class SGD', 'class Schedule', 'class CrossEntropyLoss', 'class Conv2d'],
      ...['class Linear', 'class Dropout', 'samplesPerSecond', 'readIdx', 'Safetensors'],
    ]) {
      expect(text).not.toContain(absent);
    }
  });

  it('drops an import whose names are not used', async () => {
    const entries = Object.entries(manifest.exports)
      .filter(([, target]) => typeof target !== 'string')
      .map(([name]) => `import '${join('evenkeel', name)}';`);
    expect(entries.length).toBeGreaterThan(3);
    const warnings = { 'ignored-bare-import': 'silent' } as const;
    const { outputFiles } = await build({
      stdin: { contents: entries.join('\n'), resolveDir: root },
      bundle: true,
      write: false,
      format: 'esm',
      logOverride: warnings,
    });
    expect(outputFiles[0]!.text.trim()).toBe('');
  });

  it('for workerd imports the .wasm, and carries neither packed kernels nor what unpacks them', async () => {
    const entries = `export * from 'evenkeel'; export * from 'evenkeel/relaxed';`;
    const [plain] = await bundle(entries);
    const [text, { inputs }] = await bundle(entries, 'workerd');
    const packed = /[\x28-\x4a\x61-\x7d]{4000}/;
    expect(plain).toMatch(packed);
    expect(text).not.toMatch(packed);
    expect(text).not.toContain('encodeInto');
    expect(Object.keys(inputs).filter((path) => path.endsWith('.wasm'))).toEqual([
      'dist/kernels.wasm',
      'dist/relaxed.wasm',
    ]);
  });
});

describe.each(['', 'workerd/'])('dist/%s', (part) => {
  it('has one engine for all entries', () => {
    const engines = readdirSync(join(root, 'dist', part))
      .filter((file) => file.endsWith('.js'))
      .filter((file) =>
        /\bfunction provide\(/.test(readFileSync(join(root, 'dist', part, file), 'utf8')),
      );
    expect(engines).toHaveLength(1);
  });
});

describe('kernels.wasm and relaxed.wasm', () => {
  it.each([
    ['kernels', 'strict'],
    ['relaxed', 'relaxed'],
  ])(
    '%s is the compiled module with short names and the stamp of this build behind it',
    (name, target) => {
      const bytes = readFileSync(join(root, `dist/${name}.wasm`));
      const compiled = readFileSync(join(root, `build/${target}.wasm`));
      const short = renameExports(compiled, kernelNames());
      expect(Buffer.from(stamped(short, STAMP)).equals(bytes)).toBe(true);
    },
  );
});
