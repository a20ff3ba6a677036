/** Composites of the kinds that users write: arrays, dicts, shared layers, awkward names, several inputs. */
import * as E from '../../src/index.ts';
import type { Sample } from './layers.ts';

export class Block extends E.Module {
  conv: E.Conv2d;
  bn: E.BatchNorm2d;
  relu = new E.ReLU();
  add = new E.Add();
  constructor(readonly channels: number) {
    super();
    this.conv = new E.Conv2d(channels, channels, 3, { padding: 1, bias: false });
    this.bn = new E.BatchNorm2d(channels);
  }
  override forward(x: E.Input): E.Tensor {
    const y = this.bn.forward(this.conv.forward(x));
    return this.relu.forward(this.add.forward([y, x as E.Tensor]));
  }
}

/** Layers in arrays, objects and Maps; a block twice, and one layer in two places. */
export class Net extends E.Module {
  blocks = [new Block(4), new Block(4)];
  heads = new Map<string, E.Module>([
    ['a', new E.Conv2d(4, 2, 1)],
    ['b', new E.Conv2d(4, 3, 1)],
  ]);
  join = new E.Concat(1);
  again = this.blocks[0]!.bn;
  last = new E.Sequential(new E.Flatten(), new E.Linear(5 * 36, 4));
  override forward(x: E.Input): E.Tensor {
    let y = x;
    for (const block of this.blocks) y = block.forward(y);
    y = this.again.forward(this.blocks[1]!.forward(y));
    const [a, b] = [...this.heads.values()].map((head) => head.forward(y));
    return this.last.forward(this.join.forward([a!, b!]));
  }
}

/** Names that are Python keywords, methods of nn.Module, not identifiers, or dotted. */
export class Awkward extends E.Module {
  lambda = new E.Linear(4, 4);
  größe = new E.Linear(4, 4);
  'a b' = new E.Linear(4, 4);
  x = new E.Linear(4, 4);
  self = new E.Linear(4, 4);
  parts: Record<string, E.Module> = { keys: new E.Linear(4, 4), 'with "quotes"\n': new E.Tanh() };
  float = new E.Linear(4, 3);
  override forward(x: E.Input): E.Tensor {
    const all = [this.lambda, this.größe, this['a b'], this.x, this.self];
    let y = x;
    for (const layer of [...all, ...Object.values(this.parts), this.float]) y = layer.forward(y);
    return y as E.Tensor;
  }
}

/** Two inputs, of which one is a mask. */
export class Masked extends E.Module {
  first = new E.Linear(5, 6, { bias: false });
  norm = new E.MaskedBatchNorm1d(6, { channelsLast: true, runningVariance: 'biased' });
  override forward([x, mask]: readonly E.Input[]): E.Tensor {
    return this.norm.forward([this.first.forward(x!), mask!]);
  }
}

/** Two layers with one weight. */
export class Tied extends E.Module {
  encode = new E.Linear(4, 4);
  decode = new E.Linear(4, 4, { bias: false });
  scale = new E.Parameter(E.Tensor.from([1, 2]));
  constructor() {
    super();
    (this.decode as { weight: E.Parameter }).weight = this.encode.weight;
  }
  override forward(x: E.Input): E.Tensor {
    return this.decode.forward(this.encode.forward(x));
  }
}

function frozen(): E.Module {
  const model = new E.Sequential(
    new E.Conv2d(2, 3, 3),
    new E.BatchNorm2d(3),
    new E.ReLU(),
    new E.Conv2d(3, 2, 1),
  );
  for (const i of [0, 1]) model.at(i).freeze({ statistics: true });
  return model;
}

function graph(): E.Module {
  const model = new Net();
  const { steps, inputs, output } = E.graphOf(model, [3, 4, 6, 6]);
  return new E.GraphModule(steps, { inputs, output });
}

export const COMPOSITES: Readonly<Record<string, Sample>> = {
  net: { make: () => new Net(), shape: [3, 4, 6, 6] },
  graph: { make: graph, shape: [3, 4, 6, 6] },
  awkward: { make: () => new Awkward(), shape: [3, 4] },
  masked: {
    make: () => new Masked(),
    shape: [
      [3, 4, 5],
      [3, 4],
    ],
    masked: true,
  },
  tied: { make: () => new Tied(), shape: [3, 4] },
  frozen: { make: frozen, shape: [3, 2, 5, 5] },
  nested: {
    make: () =>
      new E.Sequential({
        stem: new E.Sequential(new Block(4), new E.Residual(new Block(4), new E.Conv2d(4, 4, 1))),
        pool: new E.GlobalAvgPool(),
        head: new E.WeightNorm(new E.Linear(4, 3)),
      }),
    shape: [3, 4, 6, 6],
  },
  sum: {
    make: () => new E.Sequential(new E.Add(), new E.Linear(4, 2)),
    shape: [
      [3, 4],
      [3, 4],
    ],
  },
};
