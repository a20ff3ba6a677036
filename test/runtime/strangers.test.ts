/** dist/ in processes of its own: what errors print, and runtimes that are locked down or lack something. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { SourceMap } from 'node:module';
import { describe, expect, it } from 'vitest';

const dist = new URL('../../dist/', import.meta.url);

/** Runs a program after which the package is `evenkeel`, and returns what it printed. */
function run(program: string, ...flags: string[]) {
  const text = program.replace('IMPORT', `await import('${dist}index.js')`);
  const args = [...flags, '--input-type=module', '--eval', text];
  return spawnSync(process.execPath, args, { encoding: 'utf8' });
}

/** A program that trains, predicts and saves; `before` comes before the import. */
const network = (before: string) => `
${before}
const { Adam, BatchNorm1d, CrossEntropyLoss, Dropout, fit, GELU, Linear, Sequential, Tensor } = IMPORT;
const { saveSafetensors, loadSafetensors } = await import('${dist}state.js');
const model = new Sequential(
  new Linear(4, 8), new BatchNorm1d(8), new GELU(), new Dropout(0.1), new Linear(8, 3),
);
const data = { inputs: { data: Float32Array.from({ length: 80 }, (_, i) => (i * 7) % 5), shape: [20, 4] },
  targets: Int32Array.from({ length: 20 }, (_, i) => i % 3) };
const options = { loss: new CrossEntropyLoss(), optimizer: new Adam(model.parameters()), batchSize: 10 };
let losses = [];
for await (const { loss } of fit(model, data, options)) losses.push(loss);
const bytes = saveSafetensors(model.stateDict());
model.loadStateDict(loadSafetensors(bytes).tensors ?? loadSafetensors(bytes));
console.log(losses.length, model.predict(Tensor.zeros([2, 4])).shape.join());
`;

const FREEZE = `
const seen = new Set();
const freeze = (value) => {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null || seen.has(value)) return;
  seen.add(value);
  Object.freeze(value);
  freeze(Object.getPrototypeOf(value));
  for (const { get, set, value: held } of Object.values(Object.getOwnPropertyDescriptors(value)))
    [get, set, held].forEach(freeze);
};
for (const name of ['Object', 'Function', 'Array', 'Map', 'Set', 'WeakMap', 'WeakSet', 'Promise', 'Proxy', 'Reflect',
  'Symbol', 'String', 'Number', 'Boolean', 'BigInt', 'Math', 'JSON', 'Date', 'RegExp', 'Error', 'RangeError', 'TypeError',
  'ArrayBuffer', 'DataView', 'Float32Array', 'Int32Array', 'Uint8Array', 'Float64Array', 'WebAssembly', 'TextEncoder',
  'TextDecoder', 'FinalizationRegistry', 'WeakRef', 'Iterator']) freeze(globalThis[name]);
freeze(Object.getPrototypeOf(async function* () {}));
freeze(Object.getPrototypeOf(function* () {}));
`;

describe('the package works', () => {
  it.each<[string, string, string[]]>([
    ['with frozen intrinsics', '', ['--frozen-intrinsics', '--no-warnings']],
    ['after all primordials were frozen, as SES lockdown does', FREEZE, []],
    ['without code from strings', '', ['--disallow-code-generation-from-strings']],
    ['without FinalizationRegistry', 'delete globalThis.FinalizationRegistry;', []],
    ['without DecompressionStream', 'delete globalThis.DecompressionStream;', []],
  ])('%s', (_, before, flags) => {
    const { stdout, stderr } = run(network(before), ...flags);
    expect(stderr).toBe('');
    expect(stdout).toBe('2 2,3\n');
  });

  it('and says what is missing where a compressed file is read without DecompressionStream', () => {
    const { stdout } = run(`
      delete globalThis.DecompressionStream;
      const { readIdx } = await import('${dist}data.js');
      const { gzipSync } = await import('node:zlib');
      await readIdx(gzipSync(new Uint8Array(16))).catch(({ message }) => console.log(message));
    `);
    expect(stdout).toMatch(
      /^readIdx: this runtime has no DecompressionStream, .*: pass the unpacked file\n$/,
    );
  });

  it('and writes nothing to a global when it is imported', () => {
    const { stdout, stderr } = run(`
      const objects = new Map();
      const note = (value, name) => {
        if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return;
        if (objects.has(value)) return;
        const held = Object.getOwnPropertyDescriptors(value);
        objects.set(value, { name, held });
        for (const key of Reflect.ownKeys(held))
          if ('value' in held[key]) note(held[key].value, name + '.' + String(key));
      };
      delete globalThis.process; delete globalThis.global;
      note(globalThis, 'globalThis');
      IMPORT;
      for (const file of ['data', 'kernels', 'relaxed', 'state', 'worker'])
        await import('${dist}' + file + '.js');
      for (const [value, { name, held }] of objects) {
        const now = Object.getOwnPropertyDescriptors(value);
        for (const key of new Set([...Reflect.ownKeys(held), ...Reflect.ownKeys(now)]))
          if (!Object.is(held[key]?.value, now[key]?.value)) console.log(name, String(key));
      }
      console.log(objects.size > 300);
    `);
    expect(stderr).toBe('');
    expect(stdout).toBe('true\n');
  });
});

describe('an error that nobody catches', () => {
  const program =
    'const { Linear } = IMPORT;\nnew Linear(3, 2).forward({ data: [1], shape: [1, 1] });';

  it.each([[[]], [['--enable-source-maps']]])('prints a short message, %s', (flags) => {
    const { stderr } = run(program, ...flags);
    expect(stderr).toMatch(/RangeError: Linear\(3, 2\): input expected .*\n {4}at .*\[eval1\]:2:/);
    expect(stderr.length).toBeLessThan(1500);
  });

  it('of a fault inside the package prints short lines too', () => {
    const fault =
      'const { Linear } = IMPORT;\nnew Linear(3, 2).forward({ get data() { null.x }, shape: [1] });';
    const { stderr } = run(fault);
    expect(stderr).toContain('TypeError');
    expect(stderr.length).toBeLessThan(3000);
  });

  it('of a metric keeps the frames of the metric', () => {
    const { stderr } = run(`
      const { evaluate, Linear } = IMPORT;
      const theirs = () => { throw new Error('theirs'); };
      evaluate(new Linear(1, 2), { inputs: { data: [1], shape: [1, 1] }, targets: [1] }, undefined,
        { metrics: { theirs } });
    `);
    expect(stderr).toMatch(/Error: theirs\n {4}at theirs .*\n(.*\n)*.*core\.js/);
  });
});

describe('a debugger', () => {
  const read = (file: string) => readFileSync(new URL(file, dist), 'utf8');

  it.each(['core.js', 'data.js', 'state.js', 'worker.js'])('finds the TypeScript of %s', (file) => {
    expect(read(file)).toContain(`//# sourceMappingURL=${file}.map`);
    const map = JSON.parse(read(`${file}.map`));
    for (const [i, source] of map.sources.entries()) {
      expect(source).toMatch(/^\.\.\/(src|node_modules)\/[\w/@.-]+$/);
      if (/generated\/(?!kernels|stamp)/.test(source))
        expect(map.sourcesContent[i]).toMatch(/^\/\/ /);
      else if (!source.includes('node_modules')) expect(map.sourcesContent[i]).toBe(read(source));
    }
  });

  it('stops at the line that it shows', () => {
    const map = new SourceMap(JSON.parse(read('core.js.map')));
    const lines = read('core.js').split('\n');
    const line = lines.findIndex((text) => text.includes('expected one element, got shape'));
    const found = map.findEntry(line, lines[line]!.indexOf('throw'));
    const { originalSource, originalLine } = found as {
      originalSource: string;
      originalLine: number;
    };
    expect(originalSource).toBe('../src/tensor/tensor.ts');
    const source = read(originalSource).split('\n')[originalLine];
    expect(source).toContain('throw new RangeError');
  });

  it('shows no line that is too long to read, but for the packed kernels', () => {
    const long = read('core.js')
      .split('\n')
      .filter((line) => line.length > 2000);
    for (const line of long) expect(line).toMatch(/^( {2}text:|var UNPACKER =) "[^"]*"/);
  });
});
