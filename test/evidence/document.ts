/** docs/evidence.md: which op has which evidence, why some cells are empty, and which are owed. */
import { COLUMNS, type Column, guarded, kernelNames, type Op, type Row } from './facts.ts';

/** Why an op does not need the evidence of a column. The first that applies counts. */
interface Reason {
  columns: readonly Column[];
  /** Names of classes, or a room of src/. */
  of: readonly string[] | RegExp;
  text: string;
}

const MOVES = [
  'PixelShuffle',
  ...['Add', 'Concat', 'ConstantPad2d', 'Flatten', 'Identity', 'Permute', 'Residual', 'Unflatten'],
  'ReflectionPad2d',
  'ZeroPad2d',
];

const REASONS: readonly Reason[] = [
  {
    columns: ['float64 reference', 'finite differences'],
    of: MOVES,
    text: 'moves numbers or adds two: its tests compare bits',
  },
  {
    columns: ['finite differences'],
    of: ['Linear', 'Upsample'],
    text: 'linear in its input: the reference of backward is the transpose of forward, by its formula or by a test',
  },
  {
    columns: ['finite differences'],
    of: ['Dropout', 'Dropout1d', 'Dropout2d', 'Normalization'],
    text: 'a product with numbers that backward has as well: its tests compare both with the same factors',
  },
  {
    columns: ['finite differences'],
    of: /^src\/(optim|data|whitening)\//,
    text: 'is not differentiated',
  },
  {
    columns: ['float64 reference'],
    of: /^src\/(data|whitening)\//,
    text: "computes in float64 itself: the test holds it to scikit-learn's answers, or to its definition",
  },
  {
    columns: ['float64 reference'],
    of: ['Normalization'],
    text: "the test holds it to the scaler whose numbers it has, which scikit-learn's answers prove",
  },
  {
    columns: ['canaries'],
    of: [
      ...['LambdaLR', 'LinearWarmup', 'MinMaxScaler', 'StandardScaler'],
      ...['CosineEmbeddingLoss', 'NLLLoss'],
    ],
    text: 'has no kernel',
  },
  {
    columns: ["PyTorch's answers"],
    of: ['MaxPool1d', 'AvgPool1d', 'AdaptiveAvgPool1d', 'AdaptiveMaxPool1d', 'GlobalAvgPool'],
    text: 'has the bits of the two-dimensional or adaptive pool, which a test compares',
  },
  {
    columns: ["PyTorch's answers"],
    of: ['Concat', 'Identity', 'Unflatten', 'Residual', 'Batches'],
    text: 'moves or adds numbers: there is nothing to be approximated',
  },
  {
    columns: ["PyTorch's answers"],
    of: ['Dropout', 'Dropout1d', 'Dropout2d'],
    text: "draws its own random numbers (Philox, to Random123's known answers), which PyTorch's do not repeat",
  },
  {
    columns: ["PyTorch's answers"],
    of: ['DecayToFloor', 'Normalization'],
    text: 'does not exist in PyTorch',
  },
  {
    columns: ['TensorFlow.js or ONNX'],
    of: /./,
    text: "only batch norm's conventions differ between frameworks; of the ONNX standard's tests those are run whose op and options exist here",
  },
  {
    columns: ['runtimes'],
    of: ['Dropout1d'],
    text: "has Dropout2d's kernel: a test compares its masks",
  },
  {
    columns: ['runtimes'],
    of: ['PCA', 'ZCA'],
    text: 'needs `ml-matrix` beside the package, which the packed program does not have; its kernels run in others',
  },
];

const GROUPS: readonly [title: string, of: RegExp][] = [
  ['Layers', /^src\/layers\//],
  ['Losses', /^src\/losses\//],
  ['Optimizers and schedules', /^src\/optim\//],
  ['Data and whitening', /^src\/(data|whitening)\//],
];

const HEAD = `# Evidence

Made by \`npm run evidence\` from what the tests import, call and compare; a test writes it again and compares. An op is a public class that computes. What its row says:

- **float64 reference**: the files of test/reference that its tests hold it, or its kernels, against.
- **finite differences**: that reference's gradients are held against differences of its own forward.
- **canaries**: each kernel that it reaches is called in poisoned memory between canary words (\`kernelCase\`).
- **PyTorch's answers**: the files of test/goldens that it is held against (\`scalers\`, \`whitening\`: scikit-learn's answers).
- **TensorFlow.js or ONNX**: the other program whose answers it is also held against.
- **runtimes**: the same check runs in every runtime of \`npm run test:everywhere\`.

A letter in place of evidence says below why there is none. **owed** is a gap.
`;

export interface Evidence {
  text: string;
  /** What an op or kernel lacks without a reason. */
  gaps: string[];
  /** Reasons that no empty cell has. */
  stale: string[];
}

export function documentOf(rows: readonly Row[]): Evidence {
  const gaps: string[] = [];
  const used: Reason[] = [];
  const letterOf = (op: Op, column: Column): string => {
    const reason = REASONS.find(({ columns, of }) => columns.includes(column) && applies(of, op));
    if (!reason) {
      gaps.push(`${op.name}: ${column}`);
      return '**owed**';
    }
    if (!used.includes(reason)) used.push(reason);
    return String.fromCharCode(97 + used.indexOf(reason));
  };
  const tables = GROUPS.map(([title, of]) => {
    const lines = rows
      .filter(({ op }) => of.test(op.path))
      .sort((a, b) => (a.op.name < b.op.name ? -1 : 1))
      .map(({ op, cells }) => {
        const texts = COLUMNS.map((column) => cells[column] || letterOf(op, column));
        return `| \`${op.name}\` | ${texts.join(' | ')} |`;
      });
    const head = `| op | ${COLUMNS.join(' | ')} |\n|---|${COLUMNS.map(() => '---|').join('')}`;
    return `## ${title}\n\n${head}\n${lines.join('\n')}\n`;
  });
  const letters = used.map(({ text }, i) => `- ${String.fromCharCode(97 + i)}: ${text}.`);
  const bare = kernelNames.filter((kernel) => !guarded.has(kernel));
  gaps.push(...bare.map((kernel) => `${kernel}: canaries`));
  const kernels =
    bare.length === 0
      ? 'Every kernel is called in poisoned memory.'
      : `Not called in poisoned memory, **owed**: ${bare.map((name) => `\`${name}\``).join(', ')}.`;
  const parts = [HEAD, ...tables, `## Why there is none\n\n${letters.join('\n')}\n`];
  return {
    text: `${[...parts, `## Kernels\n\n${kernels}`].join('\n')}\n`,
    gaps,
    stale: REASONS.filter((reason) => !used.includes(reason)).map(({ text }) => text),
  };
}

function applies(of: readonly string[] | RegExp, { name, path }: Op): boolean {
  return of instanceof RegExp ? of.test(path) : of.includes(name);
}
