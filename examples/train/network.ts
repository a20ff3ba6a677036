/** The networks, with and without batch normalization. */
import {
  BatchNorm1d,
  BatchNorm2d,
  Conv2d,
  Flatten,
  Linear,
  type Module,
  manualSeed,
  ReLU,
  Sequential,
} from 'evenkeel';
import type { Options } from './options.ts';

/**
 * Makes the network with batch normalization or, if `batchNorm` is false, the same network without it. Both
 * start from the same weights. Layers before batch normalization have no bias, because it would be
 * subtracted with the mean.
 */
export function makeNetwork(
  { model, placement, seed }: Pick<Options, 'model' | 'placement' | 'seed'>,
  batchNorm: boolean,
): Sequential {
  manualSeed(seed);
  const build = model === 'cnn' ? cnn : mlp;
  const normalized = build({ placement });
  if (batchNorm) return normalized;
  const plain = build({ placement: 'nowhere' });
  plain.loadStateDict(normalized.stateDict(), { strict: false });
  normalized.dispose();
  return plain;
}

type Placement = Options['placement'] | 'nowhere';

/** A layer, its batch normalization and its activation, in the order that `placement` says. */
function block(
  name: string | number,
  layer: Module,
  batchNorm: () => Module,
  placement: Placement,
): Record<string, Module> {
  const weighted = { [`layer${name}`]: layer };
  const activation = { [`relu${name}`]: new ReLU() };
  if (placement === 'nowhere') return { ...weighted, ...activation };
  const normalization = { [`bn${name}`]: batchNorm() };
  return placement === 'before'
    ? { ...weighted, ...normalization, ...activation }
    : { ...weighted, ...activation, ...normalization };
}

/**
 * Three convolutions, 28 × 28 → 28 × 28 → 14 × 14 → 7 × 7 pixels, and two dense layers.
 *
 * @param options defaults: `channels` [24, 48, 64], `hidden` 200, `placement` 'before'
 */
export function cnn({
  channels = [24, 48, 64],
  hidden = 200,
  placement = 'before',
}: {
  channels?: readonly [number, number, number];
  hidden?: number;
  placement?: Placement;
} = {}): Sequential {
  const bias = placement !== 'before';
  const [c1, c2, c3] = channels;
  const conv1 = new Conv2d(1, c1, 6, { padding: 'same', bias });
  const conv2 = new Conv2d(c1, c2, 5, { stride: 2, padding: 2, bias });
  const conv3 = new Conv2d(c2, c3, 4, { stride: 2, padding: 1, bias });
  const dense4 = new Linear(c3 * 49, hidden, { bias });
  return new Sequential({
    ...block(1, conv1, () => new BatchNorm2d(c1), placement),
    ...block(2, conv2, () => new BatchNorm2d(c2), placement),
    ...block(3, conv3, () => new BatchNorm2d(c3), placement),
    flatten: new Flatten(),
    ...block(4, dense4, () => new BatchNorm1d(hidden), placement),
    layer5: new Linear(hidden, 10),
  });
}

/** Dense layers with these widths, by default 784-200-100-60-30-10. */
export function mlp({
  widths = [784, 200, 100, 60, 30, 10],
  placement = 'before',
}: {
  widths?: readonly number[];
  placement?: Placement;
} = {}): Sequential {
  const bias = placement !== 'before';
  const [last, ...wide] = [...widths].reverse();
  const [input, ...hidden] = wide.reverse();
  const blocks = hidden.map((width, i) => {
    const dense = new Linear(hidden[i - 1] ?? input!, width, { bias });
    return block(i + 1, dense, () => new BatchNorm1d(width), placement);
  });
  return new Sequential({
    flatten: new Flatten(),
    ...Object.assign({}, ...blocks),
    [`layer${hidden.length + 1}`]: new Linear(hidden.at(-1) ?? input!, last!),
  });
}
