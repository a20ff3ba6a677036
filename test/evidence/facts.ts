/** Which op has which evidence: facts, from what tests import, call and compare. */
import ops from 'ops';
import { exists, filesOf, reach, type Source, sourceOf, stemOf, withImports } from './sources.ts';

export interface Op {
  name: string;
  path: string;
  /** The kernels that it reaches, through the declarations of its room. */
  kernels: string[];
  /** The files of goldens that the checks of test/everywhere/ops compared it with. */
  goldens: readonly string[];
}

/** What the rooms of src/ that hold ops export. The others hold what ops are made of or run by. */
const ENTRIES = ['src/index.ts', 'src/data/index.ts', 'src/whitening/index.ts'];
const ROOMS = /^src\/(layers|losses|optim|data|whitening)\//;

export const kernelNames: readonly string[] = [
  ...sourceOf('src/generated/kernels.ts').text.matchAll(/^ {2}(\w+)\(.*\): \w+;$/gm),
].map(([, name]) => name!);

/** The public classes, but for abstract ones. */
export const allOps: readonly Op[] = ENTRIES.flatMap((entry) => {
  const { imports } = sourceOf(entry);
  return [...imports].flatMap(([name, { from }]): Op[] => {
    const declaration = sourceOf(from).declarations.get(name);
    if (!ROOMS.test(from) || !declaration?.isClass || declaration.isAbstract) return [];
    const words = reach(from, name);
    const called = kernelNames.filter((kernel) => words.has(kernel));
    return [{ name, path: from, kernels: called, goldens: [] }];
  });
});

/** A test file, with the helpers of test/support that it imports. */
interface Test {
  path: string;
  stem: string;
  sources: Source[];
  references: string[];
  goldens: string[];
}

/** Their kernels are called to be broken, or to be named. */
const ASIDE = ['evidence', 'kernelcase'];

const tests: readonly Test[] = filesOf('test', '.test.ts', 'torch')
  .filter((path) => !ASIDE.includes(stemOf(path)))
  .map((path) => {
    const sources = withImports(path, 'test/support').filter(
      ({ path }) =>
        !/support\/(kernelcase|kernels|close|difference|random|goldens)\.ts$/.test(path),
    );
    const from = sources.flatMap((source) => [...source.from]);
    return {
      path,
      stem: stemOf(path),
      sources,
      references: from.filter((file) => file.startsWith('test/reference/')).map(stemOf),
      goldens: sources.flatMap(({ text }) =>
        [...text.matchAll(/readGoldens\('([\w-]+)'\)/g)].map(([, name]) => name!),
      ),
    };
  });

/**
 * Whether a test says the kernel's name: whole, or through a template whose holes it or one of its references
 * names.
 */
function calls({ sources, references }: Test, kernel: string): boolean {
  const words = new Set(sources.flatMap((source) => [...source.words]));
  if (words.has(kernel)) return true;
  for (const stem of references) {
    for (const word of sourceOf(`test/reference/${stem}.ts`).words) words.add(word);
  }
  return sources.some(({ templates }) =>
    templates.some((template) => {
      const [, ...holes] = template.exec(kernel) ?? [];
      return holes.length > 0 && holes.every((hole) => words.has(hole));
    }),
  );
}

/** Whether a test calls kernels in poisoned memory, between canaries. */
const guards = ({ sources }: Test) =>
  sources.some(({ calls }) =>
    [...calls].some((name) => name === 'kernelCase' || name.endsWith('checkCanaries')),
  );

export const guarded: ReadonlySet<string> = new Set(
  kernelNames.filter((kernel) => tests.some((test) => guards(test) && calls(test, kernel))),
);

/** Lower case, without the dimension: MaxPool1d → maxpool. */
const plain = (name: string) => name.toLowerCase().replace(/(\d)d$/, '');

/**
 * The stems under which an op's tests and references stand: its own name, its file's, its rooms', and those of
 * the goldens that it is compared with (groupnorm: InstanceNorm1d).
 */
const stemsOf = ({ name, path, goldens }: Op) => [
  plain(name),
  ...path.replace('.ts', '').split('/').slice(1),
  ...goldens,
];

/** Whether the stem of a file names the op: `conv2d` Conv1d, `scalers` StandardScaler, `optimkernels` SGD. */
function matches(op: Op, stem: string): boolean {
  const singular = plain(stem).replace(/(?<=..)s$/, '');
  return stemsOf(op).some(
    (own) =>
      own === plain(stem) ||
      stem.startsWith(`${own}-`) ||
      stem === `${own}kernels` ||
      own.endsWith(singular),
  );
}

const mentions = (test: Test, op: Op) =>
  test.sources.some(({ imports }) => imports.get(op.name)?.from.startsWith('src/')) ||
  op.kernels.some((kernel) => calls(test, kernel));

/** References that a test holds the op or its kernels against. */
function referencesOf(op: Op): { stems: Set<string>; differences: boolean } {
  const stems = new Set<string>();
  let differences = false;
  for (const test of tests) {
    if (!mentions(test, op)) continue;
    const about = test.references.filter((stem) => matches(op, stem) || matches(op, test.stem));
    for (const stem of about) stems.add(stem);
    const differentiated = test.sources.some(
      ({ titles, calls }) =>
        calls.has('expectGradient') || titles.some((title) => title.includes('finite differences')),
    );
    if (differentiated && (about.length > 0 || matches(op, test.stem))) differences = true;
  }
  return { stems, differences };
}

/** Which program's answers a file of goldens has, by the script beside it; '' where there is no such file. */
function originOf(golden: string): string {
  const script = ['py', 'js'].map((ending) => `test/goldens/${golden}.${ending}`).find(exists);
  if (!script) return '';
  const { text } = sourceOf(script);
  if (text.includes('sklearn')) return 'scikit-learn';
  if (/tensorflow|tfjs/.test(text)) return 'TensorFlow.js';
  return golden.includes('onnx') ? 'ONNX' : 'PyTorch';
}

/** The classes that the checks of test/everywhere/ops compared, and with whose answers. They run here. */
async function compared(): Promise<Map<string, Map<string, Set<string>>>> {
  const found = new Map<string, Map<string, Set<string>>>();
  for (const checks of Object.values(ops)) {
    for (const [title, body] of checks) {
      const file = title.split(' ')[0]!;
      const origin = title.includes('ONNX') ? 'ONNX' : originOf(file);
      for (const subject of [await body()].flat()) {
        const name = (subject as object).constructor.name;
        const origins = found.get(name) ?? new Map<string, Set<string>>();
        origins.set(origin, (origins.get(origin) ?? new Set()).add(file));
        found.set(name, origins);
      }
    }
  }
  return found;
}

export const COLUMNS = [
  'float64 reference',
  'finite differences',
  'canaries',
  "PyTorch's answers",
  'TensorFlow.js or ONNX',
  'runtimes',
] as const;
export type Column = (typeof COLUMNS)[number];

/** What each cell of an op's row says; '' where there is no evidence. */
export type Row = { op: Op; cells: Record<Column, string> };

export async function gather(): Promise<Row[]> {
  const answers = await compared();
  const run = sourceOf('test/everywhere/checks/run.ts').words;
  const behaviour = sourceOf('test/everywhere/checks/behaviour.ts').imports;
  return allOps.map((bare) => {
    const own = answers.get(bare.name) ?? new Map<string, Set<string>>();
    const op = { ...bare, goldens: [...own.values()].flatMap((files) => [...files]) };
    const { stems, differences } = referencesOf(op);
    const read = tests
      .filter((test) => mentions(test, op) && matches(op, test.stem))
      .flatMap(({ goldens }) => goldens)
      .filter((golden) => golden !== 'tables' && originOf(golden) === 'scikit-learn');
    const all = op.kernels.length > 0 && op.kernels.every((kernel) => guarded.has(kernel));
    const files = (origins: string[]) => origins.flatMap((origin) => [...(own.get(origin) ?? [])]);
    const list = (names: Iterable<string>) => [...new Set(names)].sort().join(', ');
    const everywhere = own.size > 0 || run.has(op.name) || behaviour.has(op.name);
    const others = ['TensorFlow.js', 'ONNX'].filter((origin) => own.has(origin));
    return {
      op,
      cells: {
        'float64 reference': list(stems),
        'finite differences': differences ? 'yes' : '',
        canaries: all ? 'yes' : '',
        "PyTorch's answers": list([...files(['PyTorch']), ...read]),
        'TensorFlow.js or ONNX': list(others),
        runtimes: everywhere ? 'yes' : '',
      },
    };
  });
}
