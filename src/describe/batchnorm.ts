import type { BatchNorm } from '../layers/batchnorm/base.ts';
import { BatchNorm1d, BatchNorm2d, BatchNorm3d } from '../layers/batchnorm/batchnorm.ts';
import {
  MaskedBatchNorm1d,
  MaskedBatchNorm2d,
  MaskedBatchNorm3d,
} from '../layers/batchnorm/masked.ts';
import type { BatchNormOptions } from '../layers/batchnorm/options.ts';
import { type Bound, paperDMax, paperRMax, Renorm } from '../layers/batchnorm/renorm.ts';
import {
  type Class,
  type Entry,
  named,
  optionsOf,
  product,
  readArgs,
  readOptions,
} from './entry.ts';
import type { Json } from './json.ts';
import type { Place } from './place.ts';

const OPTIONS = {
  eps: [1e-5, (l: BatchNorm) => l.eps],
  momentum: [0.1, (l: BatchNorm) => l.momentum],
  center: [true, (l: BatchNorm) => l.bias !== undefined],
  scale: [true, (l: BatchNorm) => l.weight !== undefined],
  trackRunningStats: [true, (l: BatchNorm) => l.runningMean !== undefined],
  runningVariance: ['unbiased', (l: BatchNorm) => l.runningVariance],
  channelsLast: [false, (l: BatchNorm) => l.channelsLast],
  virtualBatchSize: [null, (l: BatchNorm) => l.virtualBatchSize],
  virtualBatchRest: ['refuse', (l: BatchNorm) => l.virtualBatchRest],
} as const;

/** A batch norm has an option that is an object: `renorm: { rMax, dMax }`, {} for the paper's bounds. */
function entry(name: string, type: Class<BatchNorm>): Entry<BatchNorm> {
  return {
    name,
    type,
    write(layer, { who }, path) {
      const { options = {} } = optionsOf(OPTIONS, layer) as { options?: Record<string, Json> };
      if (layer.renorm) options.renorm = boundsOf(who, `${path} (${layer})`, layer.renorm);
      const some = Object.keys(options).length > 0;
      return { args: [layer.numFeatures], ...(some ? { options } : {}) };
    },
    read(place, reader) {
      place.only(['type', 'id', 'name', 'args', 'options'], `not of ${name}`);
      const [numFeatures] = readArgs(place, ['numFeatures']);
      const options = readBatchNormOptions(place, name);
      reader.take(place, 4 * product(numFeatures));
      return place.making(() => new type(numFeatures as number, options));
    },
  };
}

function boundsOf(who: string, where: string, { rMax, dMax }: Renorm): Json {
  const bound = (name: string, value: Bound, usual: Bound): Record<string, number> => {
    if (value === usual) return {};
    if (typeof value === 'number') return { [name]: value };
    throw new TypeError(
      `${who}: ${where}: Renorm's ${name} expected a number or the default, got a function, which JSON ` +
        'cannot hold: register a class of your own that makes the layer',
    );
  };
  return { ...bound('rMax', rMax, paperRMax), ...bound('dMax', dMax, paperDMax) };
}

function readBatchNormOptions(place: Place, who: string): BatchNormOptions {
  const options = readOptions(place, Object.keys(OPTIONS), who, ['renorm']) as BatchNormOptions;
  if (place.at('options').value === undefined) return options;
  const at = place.at('options').at('renorm');
  if (at.value === undefined) return options;
  at.only(['rMax', 'dMax'], 'unknown option of Renorm');
  const bounds = Object.keys(at.object()).map((name) => [name, at.at(name).plain()]);
  return { ...options, renorm: at.making(() => new Renorm(Object.fromEntries(bounds))) };
}

export function batchNorms(): readonly Entry[] {
  const plain = { BatchNorm1d, BatchNorm2d, BatchNorm3d };
  const masked = { MaskedBatchNorm1d, MaskedBatchNorm2d, MaskedBatchNorm3d };
  return named<Class<BatchNorm>, Entry>({ ...plain, ...masked }, entry);
}
