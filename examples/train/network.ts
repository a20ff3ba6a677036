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
 * The network and, where asked for, its twin without batch normalization, which starts from the same
 * weights. A layer in front of batch normalization has no bias: the mean would take it away again.
 */
export function makeNetwork(
  { model, placement, seed }: Pick<Options, 'model' | 'placement' | 'seed'>,
  batchNorm: boolean,
): Sequential {
  manualSeed(seed);
  const build = model === 'cnn' ? cnn : mlp;
  const normalized = build(placement);
  if (batchNorm) return normalized;
  const plain = build('nowhere');
  plain.loadStateDict(normalized.stateDict(), { strict: false });
  normalized.dispose();
  return plain;
}

type Placement = Options['placement'] | 'nowhere';

/** A layer, its batch normalization and its activation, in the order asked for. */
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

/** Three convolutions, 28 × 28 → 28 × 28 → 14 × 14 → 7 × 7, and two dense layers. */
function cnn(placement: Placement): Sequential {
  const bias = placement !== 'before';
  const conv1 = new Conv2d(1, 24, 6, { padding: 'same', bias });
  const conv2 = new Conv2d(24, 48, 5, { stride: 2, padding: 2, bias });
  const conv3 = new Conv2d(48, 64, 4, { stride: 2, padding: 1, bias });
  const dense4 = new Linear(3136, 200, { bias });
  return new Sequential({
    ...block(1, conv1, () => new BatchNorm2d(24), placement),
    ...block(2, conv2, () => new BatchNorm2d(48), placement),
    ...block(3, conv3, () => new BatchNorm2d(64), placement),
    flatten: new Flatten(),
    ...block(4, dense4, () => new BatchNorm1d(200), placement),
    layer5: new Linear(200, 10),
  });
}

/** 784-200-100-60-30-10. */
function mlp(placement: Placement): Sequential {
  const bias = placement !== 'before';
  const widths = [784, 200, 100, 60, 30] as const;
  const hidden = widths.slice(1).map((width, i) => {
    const dense = new Linear(widths[i]!, width, { bias });
    return block(i + 1, dense, () => new BatchNorm1d(width), placement);
  });
  return new Sequential({
    flatten: new Flatten(),
    ...Object.assign({}, ...hidden),
    layer5: new Linear(30, 10),
  });
}
