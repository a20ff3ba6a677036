/**
 * What other libraries lack, decided per item. Every other item a library has to answer: an error there is a
 * fault of our driver, and `npm run bench:peers` fails.
 */
import type { NamedItem } from '../bench.ts';

/** The libraries, and the file with each one's drivers: functions named as the benchmarks. */
export const PEERS = {
  pytorch: 'pytorch.py',
  'tfjs-wasm': 'tfjs.js',
  'tfjs-cpu': 'tfjs.js',
  'jax-js': 'jax.js',
  'ort-node': 'ort.js',
  'ort-web': 'ort.js',
} as const;

export type PeerName = keyof typeof PEERS;

type Asked = Pick<NamedItem, 'group' | 'work' | 'of'>;

interface Lack {
  peers: readonly PeerName[];
  reason: string;
  when(item: Asked): boolean;
}

const ORT = ['ort-node', 'ort-web'] as const;
const TFJS = ['tfjs-wasm', 'tfjs-cpu'] as const;

const isGradient = ({ work }: Asked) => /backward|gradient/.test(work);
const isDepthwise = ({ group, of }: Asked) => group === 'conv2d' && (of.groups as number) > 1;

/** The first one that applies to an item is its reason. */
const LACKS: readonly Lack[] = [
  {
    peers: ['jax-js', ...ORT],
    reason: 'not asked',
    when: ({ group }) => group === 'ops',
  },
  {
    peers: ORT,
    reason: 'inference only',
    when: (item) => isGradient(item) || ['loss', 'optim', 'step', 'recurrent'].includes(item.group),
  },
  {
    peers: ORT,
    reason: 'channels first only',
    when: ({ group, of }) => group === 'batchnorm' && of.layout === 'NHWC',
  },
  {
    peers: TFJS,
    reason: 'channels last only',
    when: ({ group, of }) => group === 'batchnorm' && of.layout === 'NCHW',
  },
  {
    peers: ['tfjs-wasm'],
    reason: 'no weight gradient',
    when: ({ group, work, of }) =>
      (group === 'conv2d' && work === 'weight gradient') ||
      (group === 'step' && of.network === 'cnn'),
  },
  {
    peers: ['tfjs-wasm'],
    reason: 'no depthwise gradient',
    when: (item) => isDepthwise(item) && isGradient(item),
  },
  {
    peers: ['jax-js'],
    reason: 'no loop over steps',
    when: ({ group }) => group === 'recurrent',
  },
  {
    peers: [...TFJS, 'jax-js'],
    reason: 'PyTorch only',
    when: ({ group, of }) => group === 'step' && /^resnet/.test(of.network as string),
  },
  {
    peers: [...TFJS, 'jax-js'],
    reason: 'no folding',
    when: ({ group, work }) => group === 'fold' && work === 'folded',
  },
  {
    peers: [...TFJS, 'jax-js', ...ORT],
    reason: 'beside PyTorch alone',
    when: ({ group }) => group === 'volumes',
  },
];

/** Why a library is not asked for an item, or nothing. */
export function lackOf(peer: PeerName, item: Asked): string | undefined {
  return LACKS.find(({ peers, when }) => peers.includes(peer) && when(item))?.reason;
}

/** How a measurement can end without a time. */
export const OUTCOMES = {
  slow: 'too slow',
  differs: 'result differs',
  failed: 'driver failed',
} as const;

/** All that a cell without a time may say. */
export const REASONS: ReadonlySet<string> = new Set([
  ...LACKS.map(({ reason }) => reason),
  ...Object.values(OUTCOMES),
]);

/** The names of the drivers in a file: its functions at the top level. */
export function driversIn(source: string): Set<string> {
  return new Set(
    [...source.matchAll(/^(?:async )?(?:function|def) (\w+)\(/gm)].map(([, name]) => name!),
  );
}
