/** What somebody sees who prints a tensor or reads an error. */
import {
  Conv2d,
  CrossEntropyLoss,
  fit,
  type Input,
  Layer,
  Linear,
  Module,
  ReLU,
  Sequential,
  SGD,
  Tensor,
} from 'evenkeel';
import { type Check, equal, throws } from './check.ts';

const x = { data: [1, 2, 3], shape: [1, 3] };

/** The stack of what `body` throws, without the message. */
async function framesOf(body: () => unknown): Promise<string[]> {
  try {
    await body();
  } catch (error) {
    const { stack = '', message } = error as Error;
    return stack
      .slice(stack.includes(message) ? stack.indexOf(message) + message.length : 0)
      .split('\n')
      .filter((line) => /:\d+/.test(line));
  }
  throw new Error('expected an error, got none');
}

/** Whether the package is in files of its own here, and not bundled with this program. */
const installed = /process-installed/.test(new Error('here').stack ?? '');

class OfTheUser extends Layer {
  override outputShape(shape: number[]): number[] {
    return shape;
  }
  override compute(): void {
    theirOwnFault();
  }
  override differentiate(): void {}
}

function theirOwnFault(): void {
  throw new Error('a fault of their own');
}

class TwoLayers extends Module {
  first = new Linear(3, 2);
  override forward(input: Input): Tensor {
    return this.first.forward(this.first.forward(input));
  }
}

async function train(): Promise<void> {
  const model = new Linear(2, 2);
  const options = { loss: new CrossEntropyLoss(), optimizer: new SGD(model.parameters()) };
  for await (const _ of fit(model, { inputs: x, targets: [1] }, options));
}

const faults: [string, () => unknown][] = [
  ['a constructor', () => new Conv2d(1, 8, 0.5)],
  ['forward', () => new Sequential(new Linear(2, 2)).forward(x)],
  ["a composite's forward", () => new TwoLayers().forward(x)],
  ['loss.forward', () => new CrossEntropyLoss().forward(x, [7])],
  ['an array method inside', () => Tensor.from([[1], [2, 3]])],
  ['await fit', train],
];

export function debugging(): Check[] {
  return [
    ...faults.map(([where, body]): Check => {
      return [
        `an error of ${where} begins with the caller's line`,
        async () => {
          const frames = await framesOf(body);
          if (installed && !frames[0]?.includes('process-installed')) {
            throw new Error(`the first of these frames is not the caller's: ${frames.join('\n')}`);
          }
        },
      ];
    }),
    [
      "an error of a user's Layer keeps its own frames",
      async () => {
        const [frame] = await framesOf(() => new Sequential(new OfTheUser()).forward(x));
        if (installed) equal(frame?.includes('theirOwnFault'), true, `${frame}`);
      },
    ],
    [
      'tensors, parameters and results show shape and first values',
      () => {
        const tensor = Tensor.from([
          [0.5, -1],
          [Number.NaN, 1 / 3],
        ]);
        equal(shown(tensor), 'Tensor [2, 2]: 0.5, -1, NaN, 0.33333', 'a tensor');
        equal(shown(Tensor.zeros([300])), `Tensor [300]: ${'0, '.repeat(8)}…`, 'a long one');
        const layer = new Linear(1, 1, { init: 'ones' });
        equal(shown(layer.weight), 'Parameter [1, 1]: 1', 'a parameter');
        const result = layer.forward(Tensor.from([[2]]));
        equal(shown(result), 'Tensor [1, 1]: 2', 'a result');
        layer.forward(Tensor.from([[3]]));
        equal(shown(result).includes('overwritten'), true, 'a stale result');
      },
    ],
    [
      'a module shows an outline of its layers',
      () => {
        const model = new Sequential(new Linear(3, 2), new Sequential({ act: new ReLU() }));
        const expected =
          'Sequential(\n  (0): Linear(3, 2)\n  (1): Sequential(\n    (act): ReLU()\n  )\n)';
        equal(shown(model), expected, 'an outline');
      },
    ],
    [
      'a tensor comes back from JSON as an input',
      () => {
        const tensor = Tensor.from([[0.1, 2, 1e-30]]);
        const stored = JSON.parse(JSON.stringify({ tensor })).tensor;
        const layer = new Linear(3, 1);
        equal([...layer.predict(stored).toArray()], [...layer.predict(tensor).toArray()], 'output');
        const loaded = new Linear(3, 1);
        loaded.loadStateDict(JSON.parse(JSON.stringify(layer.stateDict())));
        equal(loaded.weight, layer.weight, 'a state dict');
        const broken = JSON.parse(JSON.stringify(Tensor.from([[Number.NaN, 1, 2]])));
        throws(() => layer.predict(broken), TypeError, 'expected numbers, got null at [0]');
      },
    ],
  ];
}

/** What `console.log` writes, as far as the runtime lets a program know. */
function shown(value: object): string {
  const { Deno, Bun } = globalThis as {
    [name in 'Deno' | 'Bun']?: { inspect(of: object): string };
  };
  const inspector = Deno ?? Bun;
  if (inspector) return inspector.inspect(value);
  const method = Symbol.for('nodejs.util.inspect.custom');
  return (value as { [method]: () => string })[method]();
}
