import type { LayerNorm } from '../../layers/norm/layernorm.ts';
import { rowsInOrder } from '../axes.ts';
import type { Call, Value } from '../builder.ts';

/**
 * BatchNormalization: momentum is the weight of the old value, the running variance is biased, and eps is 1e-3
 * by default.
 */
export function readBatchNorm(call: Call): Value {
  const { fields } = call;
  const given = call.input(1, 2, 3, 4);
  const rank = given.shape.length;
  const [axis = -1, ...more] = fields.integers('axis', -1);
  const at = axis < 0 ? axis + rank + 1 : axis;
  if (more.length > 0 || !(at === rank || at === 1)) {
    throw fields.fault('axis', `1 or ${rank}, the channels`, axis);
  }
  const value = at === rank ? given : call.reorder(given, 'keras');
  const channels = call.known(value.shape[at - 1], 'number of channels');
  const [center, scale] = [fields.boolean('center', true), fields.boolean('scale', true)];
  const decay = fields.number('momentum', 0.99);
  const own = (name: string) => {
    const data = call.weight(name, [channels]);
    const { features } = value;
    return [[channels], features ? rowsInOrder(data, 1, features()) : data] as const;
  };
  const state = {
    ...(scale ? { weight: own('gamma') } : {}),
    ...(center ? { bias: own('beta') } : {}),
    running_mean: own('moving_mean'),
    running_var: own('moving_variance'),
  };
  const channelsLast = rank > 1 && value.order === 'keras' && at === rank;
  const eps = fields.number('epsilon', 1e-3);
  const args = [channels, { eps, decay, center, scale, channelsLast, runningVariance: 'biased' }];
  const kind = rank < 3 ? 'BatchNorm1d' : rank === 3 ? 'BatchNorm2d' : 'BatchNorm3d';
  const variant = value.features ? 'features' : '';
  return { ...value, name: call.step('', kind, args, [value], { state, variant }) };
}

/** LayerNormalization over the last axes. */
export function readLayerNorm(call: Call): Value {
  const { fields } = call;
  const value = call.ordered('keras');
  const rank = value.shape.length;
  const axes = fields.integers('axis', -1).map((axis) => (axis < 0 ? axis + rank + 1 : axis));
  const from = rank + 1 - axes.length;
  if (from < 1 || axes.sort((a, b) => a - b).some((axis, i) => axis !== from + i)) {
    throw fields.fault('axis', 'the last axes', axes);
  }
  const shape = value.shape.slice(from - 1).map((dim) => call.known(dim, 'size'));
  const [center, scale] = [fields.boolean('center', true), fields.boolean('scale', true)];
  const gamma = scale ? call.weight('gamma', shape) : undefined;
  const beta = center ? call.weight('beta', shape) : undefined;
  // Ours has no β without γ: a γ that stays 1.
  const weight = gamma ?? beta?.map(() => 1);
  const state = {
    ...(weight ? { weight: [shape, weight] as const } : {}),
    ...(beta ? { bias: [shape, beta] as const } : {}),
  };
  const options = {
    eps: fields.number('epsilon', 1e-3),
    elementwiseAffine: center || scale,
    bias: center,
  };
  const finish = (layer: unknown): void => {
    if (center && !scale) (layer as LayerNorm).weight!.requiresGrad = false;
  };
  const name = call.step('', 'LayerNorm', [shape, options], [value], { state, finish });
  return { ...value, name };
}
