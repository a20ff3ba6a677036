/**
 * What rivals cannot do, decided per item. Whatever is not named here, a rival has to answer; an error is
 * then a fault of our driver, and `npm run bench:peers` fails.
 */
import type { NamedItem } from '../bench.ts';

/** The rivals and the file with each one's drivers, functions named as the benchmark. */
export const RIVALS = {
  pytorch: 'pytorch.py',
  'tfjs-wasm': 'tfjs.js',
  'tfjs-cpu': 'tfjs.js',
  'jax-js': 'jax.js',
  'ort-node': 'ort.js',
  'ort-web': 'ort.js',
} as const;

export type Rival = keyof typeof RIVALS;

type Asked = Pick<NamedItem, 'group' | 'work' | 'of'>;

interface Lack {
  rivals: readonly Rival[];
  reason: string;
  when(item: Asked): boolean;
}

const ORT = ['ort-node', 'ort-web'] as const;
const TFJS = ['tfjs-wasm', 'tfjs-cpu'] as const;

const isGradient = ({ work }: Asked) => /backward|gradient/.test(work);
const isDepthwise = ({ group, of }: Asked) => group === 'conv2d' && (of.groups as number) > 1;

/** The first one that holds is the reason in the table. */
const LACKS: readonly Lack[] = [
  {
    rivals: ORT,
    reason: 'inference only',
    when: (item) => isGradient(item) || ['loss', 'optim', 'step'].includes(item.group),
  },
  {
    rivals: ORT,
    reason: 'channels first only',
    when: ({ group, of }) => group === 'batchnorm' && of.layout === 'NHWC',
  },
  {
    rivals: TFJS,
    reason: 'channels last only',
    when: ({ group, of }) => group === 'batchnorm' && of.layout === 'NCHW',
  },
  {
    rivals: ['tfjs-wasm'],
    reason: 'no depthwise gradient',
    when: (item) => isDepthwise(item) && isGradient(item),
  },
  {
    rivals: ['tfjs-wasm'],
    reason: 'no weight gradient',
    when: ({ group, work, of }) =>
      (group === 'conv2d' && work === 'weight gradient') ||
      (group === 'step' && of.network === 'cnn'),
  },
  {
    rivals: [...TFJS, 'jax-js'],
    reason: 'no folding',
    when: ({ group, work }) => group === 'fold' && work === 'folded',
  },
];

/** Why a rival is not asked for an item, or nothing. */
export function lackOf(rival: Rival, item: Asked): string | undefined {
  return LACKS.find(({ rivals, when }) => rivals.includes(rival) && when(item))?.reason;
}

/** What a measurement can end with beside a time. */
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

/** The names of the drivers in a rival's file: its functions at the top level. */
export function driversIn(source: string): Set<string> {
  return new Set(
    [...source.matchAll(/^(?:async )?(?:function|def) (\w+)\(/gm)].map(([, name]) => name!),
  );
}
