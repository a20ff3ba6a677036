/** The networks of test/goldens/networks.py. */
import {
  BatchNorm1d,
  BatchNorm2d,
  Conv2d,
  Flatten,
  Linear,
  type Module,
  ReLU,
  Sequential,
} from '../../src/index.ts';

/** Linear – batch norm – ReLU between the widths, and a last Linear. */
export function mlp(widths: readonly number[]): Sequential {
  const layers: Module[] = [];
  for (let i = 0; i + 2 < widths.length; i++) {
    const [n, m] = [widths[i]!, widths[i + 1]!];
    layers.push(new Linear(n, m, { bias: false }), new BatchNorm1d(m), new ReLU());
  }
  return new Sequential(...layers, new Linear(widths.at(-2)!, widths.at(-1)!));
}

/** conv 6×6 'same' – conv 5×5/2 – conv 4×4/2 – fc – fc 10, on [N, 1, 28, 28]. */
export function cnn(c1 = 24, c2 = 48, c3 = 64, hidden = 200): Sequential {
  return new Sequential(
    new Conv2d(1, c1, 6, { padding: 'same', bias: false }),
    new BatchNorm2d(c1),
    new ReLU(),
    new Conv2d(c1, c2, 5, { stride: 2, padding: 2, bias: false }),
    new BatchNorm2d(c2),
    new ReLU(),
    new Conv2d(c2, c3, 4, { stride: 2, padding: 1, bias: false }),
    new BatchNorm2d(c3),
    new ReLU(),
    new Flatten(),
    new Linear(c3 * 49, hidden, { bias: false }),
    new BatchNorm1d(hidden),
    new ReLU(),
    new Linear(hidden, 10),
  );
}
