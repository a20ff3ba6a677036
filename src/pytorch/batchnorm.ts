import type { BatchNorm } from '../layers/batchnorm/base.ts';
import { BatchNorm1d, BatchNorm2d } from '../layers/batchnorm/batchnorm.ts';
import { type Bound, paperDMax, paperRMax } from '../layers/batchnorm/renorm.ts';
import type { Needs } from './helpers.ts';
import { type Doc, literal, make } from './python.ts';

/** `nn.BatchNorm2d`, or for options that it lacks the helper `BatchNorm`. */
export function batchNorm(l: BatchNorm, needs: Needs): Doc {
  const tracks = l.runningMean !== undefined;
  const [scale, center] = [l.weight !== undefined, l.bias !== undefined];
  const common = { eps: [1e-5, l.eps], momentum: [0.1, l.momentum] } as const;
  const own =
    scale === center &&
    !l.channelsLast &&
    !(tracks && (l.runningVariance === 'biased' || l.frozenStatistics)) &&
    l.virtualBatchSize === undefined &&
    l.renorm === undefined &&
    l.maxInputs === 1;
  if (own) {
    const rank = l instanceof BatchNorm1d ? 1 : l instanceof BatchNorm2d ? 2 : 3;
    return make(`nn.BatchNorm${rank}d`, [l.numFeatures], {
      ...common,
      affine: [true, scale],
      track_running_stats: [true, tracks],
    });
  }
  needs.need('BatchNorm');
  const doc = make('BatchNorm', [l.numFeatures], {
    ...common,
    scale: [true, scale],
    center: [true, center],
    track_running_stats: [true, tracks],
    running_variance: ['unbiased', l.runningVariance],
    channels_last: [false, l.channelsLast],
    virtual_batch_size: [null, l.virtualBatchSize],
    virtual_batch_rest: ['refuse', l.virtualBatchRest],
    frozen_statistics: [false, l.frozenStatistics],
  }) as Exclude<Doc, string>;
  if (!l.renorm) return doc;
  const { rMax, dMax } = l.renorm;
  const bounds = [
    bound(`${l}`, 'rMax', rMax, paperRMax, 'r_max', needs),
    bound(`${l}`, 'dMax', dMax, paperDMax, 'd_max', needs),
  ];
  return { ...doc, items: [...doc.items, `renorm=(${bounds.join(', ')})`] };
}

function bound(
  who: string,
  name: string,
  value: Bound,
  usual: Bound,
  helper: 'r_max' | 'd_max',
  needs: Needs,
): string {
  if (typeof value === 'number') return literal(value);
  if (value === usual) {
    needs.need(helper);
    return helper;
  }
  throw new TypeError(
    `toPyTorch: ${who}: Renorm's ${name} expected a number or the default, got a function, which cannot be ` +
      'translated: give the layer in Python with { write }',
  );
}
