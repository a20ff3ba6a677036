/** What the numbers should be, and where a run's answer stands. */
import type { PeerRow } from './peers/main.ts';
import type { Row } from './scene.ts';

export interface Goal {
  name: string;
  must: number;
  aim: number;
  unit: string;
  /** Whether more is better. */
  more?: boolean;
  /** The rows' worst is what counts. */
  of(rows: Row[], peers: PeerRow[], relaxed: Row[]): number[];
}

const MIB8 = 2 ** 21; // floats

/** Elements of a shape's name: the product of the numbers in its brackets. */
const elements = ({ shape }: Pick<Row, 'shape'>): number =>
  (/\[([^\]]*)\]/.exec(shape)?.[1] ?? '')
    .split(', ')
    .reduce((size, extent) => size * Number(extent), 1);

const ratios = (rows: Row[], group: string, work: string, large = false): number[] =>
  rows
    .filter((row) => row.group === group && row.work === work && (!large || elements(row) >= MIB8))
    .map((row) => row.ratio?.median ?? Number.NaN);

const products = (rows: Row[]): Row[] =>
  rows.filter(({ group, shape }) => group === 'gemm' && /^NN \[(512|1024), \1\]/.test(shape));

const values = (rows: Row[], group: string, work: string, shape = ''): number[] =>
  rows
    .filter((row) => row.group === group && row.work === work && row.shape.includes(shape))
    .map((row) => row.value.median);

const torch = (peers: PeerRow[], group: string, work: string, shape = ''): number[] =>
  peers
    .filter((row) => row.group === group && row.work === work && row.shape.includes(shape))
    .flatMap(({ theirs: { pytorch } }) =>
      pytorch && 'ratio' in pytorch ? [pytorch.ratio.median] : [],
    );

export const GOALS: Goal[] = [
  {
    name: 'matrix product 512³ and 1024³, strict, share of P',
    ...{ must: 85, aim: 93, unit: '%', more: true },
    of: (rows) => products(rows).map(({ ratio }) => 100 * (ratio?.median ?? Number.NaN)),
  },
  {
    name: 'the same, relaxed, share of the peak (Node 24 and later)',
    ...{ must: 93, aim: 96, unit: '%', more: true },
    of: (_, __, relaxed) => products(relaxed).map(({ peak }) => 100 * (peak?.median ?? Number.NaN)),
  },
  ...['forward', 'input gradient', 'weight gradient'].map((work) => ({
    name: `convolution 3×3, 32 → 64, ${work}, share of P`,
    ...{ must: 75, aim: 85, unit: '%', more: true },
    of: (rows: Row[]) =>
      ratios(
        rows.filter(({ shape }) => shape.startsWith('3×3')),
        'conv2d',
        work,
      ).map((share) => 100 * share),
  })),
  {
    name: 'batch norm forward in training, 8 MiB and more, × (R+S)',
    ...{ must: 1.25, aim: 1.1, unit: '×' },
    of: (rows) => ratios(rows, 'batchnorm', 'forward', true),
  },
  {
    name: 'batch norm inference, 8 MiB and more, × S',
    ...{ must: 1.15, aim: 1.05, unit: '×' },
    of: (rows) => ratios(rows, 'batchnorm', 'inference', true),
  },
  {
    name: 'the same in place, × I',
    ...{ must: 1.15, aim: 1.05, unit: '×' },
    of: (rows) => ratios(rows, 'batchnorm', 'inference in place', true),
  },
  {
    name: 'batch norm backward, 8 MiB and more, × (2R+S₂)',
    ...{ must: 1.25, aim: 1.1, unit: '×' },
    of: (rows) => ratios(rows, 'batchnorm', 'backward', true),
  },
  {
    name: 'batch norm forward in training against PyTorch, every shape and layout',
    ...{ must: 1, aim: 0.7, unit: '×' },
    of: (_, peers) => torch(peers, 'batchnorm', 'forward'),
  },
  {
    name: 'batch norm backward against PyTorch, every shape and layout',
    ...{ must: 1.1, aim: 0.7, unit: '×' },
    of: (_, peers) => torch(peers, 'batchnorm', 'backward'),
  },
  {
    name: 'layer norm [512, 768] forward, × memory.copy',
    ...{ must: 3, aim: 2.5, unit: '×' },
    of: (rows) =>
      ratios(
        rows.filter(({ shape }) => shape === '[512, 768]'),
        'layernorm',
        'forward',
      ),
  },
  {
    name: 'RMS norm [512, 768] forward, × memory.copy',
    ...{ must: 2.2, aim: 2, unit: '×' },
    of: (rows) =>
      ratios(
        rows.filter(({ shape }) => shape === '[512, 768]'),
        'layernorm',
        'RMS forward',
      ),
  },
  {
    name: 'group norm and instance norm, forward and backward, against PyTorch',
    ...{ must: 1, aim: 0.7, unit: '×' },
    of: (_, peers) => [
      ...torch(peers, 'groupnorm', 'forward'),
      ...torch(peers, 'groupnorm', 'backward'),
    ],
  },
  {
    name: 'local response norm and weight norm, forward and backward, against PyTorch',
    ...{ must: 1, aim: 0.7, unit: '×' },
    of: (_, peers) =>
      ['localresponsenorm', 'weightnorm'].flatMap((group) => [
        ...torch(peers, group, 'forward'),
        ...torch(peers, group, 'backward'),
      ]),
  },
  {
    name: 'layer norm forward and backward against PyTorch',
    ...{ must: 1, aim: 0.7, unit: '×' },
    of: (_, peers) => [
      ...torch(peers, 'layernorm', 'forward'),
      ...torch(peers, 'layernorm', 'backward'),
    ],
  },
  ...['ghosts', 'masked'].map((variant) => ({
    name: `batch norm, ${variant}, × plain`,
    ...{ must: 1.3, aim: 1.1, unit: '×' },
    of: (rows: Row[]) => [
      ...ratios(rows, 'variants', `${variant} forward`),
      ...ratios(rows, 'variants', `${variant} backward`),
    ],
  })),
  {
    name: 'depthwise convolution and its gradients against PyTorch',
    ...{ must: 1, aim: 0.7, unit: '×' },
    of: (_, peers) =>
      ['forward', 'input gradient', 'weight gradient'].flatMap((work) =>
        torch(peers, 'conv2d', work, 'depthwise'),
      ),
  },
  {
    name: 'MLP + batch norm, training step against PyTorch',
    ...{ must: 1.2, aim: 1.05, unit: '×' },
    of: (_, peers) => torch(peers, 'step', 'step', 'mlp'),
  },
  {
    name: 'CNN + batch norm, training step against PyTorch',
    ...{ must: 2, aim: 1.6, unit: '×' },
    of: (_, peers) => torch(peers, 'step', 'step', 'cnn'),
  },
  {
    name: 'the same, relaxed (Node 24 and later)',
    ...{ must: 1.7, aim: 1.45, unit: '×' },
    of: (_, peers) => torch(peers, 'step', 'step, relaxed', 'cnn'),
  },
  ...['forward', 'backward'].map((work) => ({
    name: `batch norm and ReLU, and a shortcut, fused behind a convolution, ${work}, × apart`,
    ...{ must: 0.5, aim: 0.5, unit: '×' },
    of: (rows: Row[]) => ratios(rows, 'fusion', work),
  })),
  ...['exp', 'sigmoid', 'tanh'].map((work) => ({
    name: `${work}, an element`,
    ...{ must: 1.5, aim: 1, unit: 'ns' },
    of: (rows: Row[]) => values(rows, 'activation', work),
  })),
  {
    name: 'inference of a folded network, × the unfolded',
    ...{ must: 1, aim: 0.9, unit: '×' },
    of: (rows) => ratios(rows, 'fold', 'folded'),
  },
  {
    name: 'linear memory of the CNN step',
    ...{ must: 64, aim: 48, unit: 'MB' },
    of: (rows) => values(rows, 'step', 'memory', 'cnn'),
  },
  ...['a convolutional network and what trains it', 'all of evenkeel'].map((program) => ({
    name: `gzip of a bundle, kernels included: ${program}`,
    ...{ must: 45, aim: 35, unit: 'kB' },
    of: (rows: Row[]) => values(rows, 'size', 'gzip of a bundle', program),
  })),
  {
    name: 'fresh process: import to the first result of BatchNorm1d(100) on [128, 100]',
    ...{ must: 15, aim: 6, unit: 'ms' },
    of: (rows) => values(rows, 'startup', 'import to first result'),
  },
];

/** The worst row's number, or nothing where none was measured. */
export function worst({ of, more }: Goal, rows: Row[], peers: PeerRow[], relaxed: Row[]) {
  const found = of(rows, peers, relaxed).filter(Number.isFinite);
  if (found.length === 0) return undefined;
  return more ? Math.min(...found) : Math.max(...found);
}

export function verdict({ must, aim, more }: Goal, measured: number): 'aim' | 'must' | 'misses' {
  const reaches = (goal: number) => (more ? measured >= goal : measured <= goal);
  return reaches(aim) ? 'aim' : reaches(must) ? 'must' : 'misses';
}
