import {
  Adagrad,
  Adam,
  AdamW,
  Linear,
  Lion,
  NAdam,
  type Optimizer,
  RAdam,
  RMSprop,
  SGD,
  type Tensor,
} from 'evenkeel';
import type { GoldenTensor } from '../../support/stored.ts';
import { close, equal, ofGoldens } from '../checks/check.ts';

/** A parameter whose gradient can be any: that of a Linear without bias on the identity. */
class Steered {
  readonly layer: Linear;
  private readonly shape: readonly [rows: number, columns: number];

  constructor({ data, shape }: GoldenTensor) {
    this.shape = [shape[0]!, shape[1] ?? 1];
    const [rows, columns] = this.shape;
    this.layer = new Linear(columns, rows, { bias: false });
    this.layer.weight.assign({ data, shape: this.shape });
  }

  steer({ data }: GoldenTensor): void {
    const [rows, columns] = this.shape;
    const at = (n: number, value: (i: number, j: number) => number, width: number) =>
      Float32Array.from({ length: n * width }, (_, k) => value(Math.floor(k / width), k % width));
    const identity = at(columns, (i, j) => (i === j ? 1 : 0), columns);
    const transposed = at(columns, (i, j) => data[j * columns + i]!, rows);
    this.layer.forward({ data: identity, shape: [columns, columns] });
    this.layer.backward({ data: transposed, shape: [columns, rows] });
  }
}

const OPTIMIZERS = { SGD, Adam, AdamW, RMSprop, NAdam, RAdam, Adagrad, Lion };

/** The golden's options by our names. */
function ours(options: object): object {
  const camel = (name: string) =>
    name.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase());
  return Object.fromEntries(Object.entries(options).map(([name, value]) => [camel(name), value]));
}

/**
 * 25 steps; the second parameter has no gradient at steps 4 and 5. Where options change, another optimizer goes on
 * from the state dict. The file's first entry is given to all.
 */
export default ofGoldens(
  'optim',
  ({ name, options, after, state, changes = {} }, [given]) => {
    const steered: Steered[] = given!.weights.map((weight: GoldenTensor) => new Steered(weight));
    const parameters = steered.map(({ layer }) => layer.weight);
    const Kind = OPTIMIZERS[name as keyof typeof OPTIMIZERS];
    let optimizer: Optimizer = new Kind(parameters, ours(options));
    for (let step = 1; step <= 25; step++) {
      optimizer.zeroGrad();
      for (const [k, one] of steered.entries()) {
        const skipped = k === 1 && (step === 4 || step === 5);
        if (!skipped) one.steer(given!.grads[step - 1][k]);
      }
      optimizer.step();
      if (changes[step]) {
        Object.assign(optimizer.groups[0]!, ours(changes[step]));
        const dict = optimizer.stateDict();
        optimizer.dispose();
        optimizer = new Kind(parameters);
        optimizer.loadStateDict(dict);
      }
      const at = given!.shown.indexOf(step);
      if (at < 0) continue;
      for (const [k, parameter] of parameters.entries()) {
        close(parameter.data.toArray(), after[at][k].data, { scaled: 1e-6 }, `${k}, step ${step}`);
      }
    }
    const dict = optimizer.stateDict();
    for (const [k, expected] of state.entries()) {
      const found: Record<string, Tensor> = dict.state[k] ?? {};
      const names = Object.keys(expected).filter((key) => name !== 'SGD' || key !== 'step');
      equal(Object.keys(found).sort(), names.sort(), 'state');
      for (const key of names) {
        if (key === 'step') equal(found.step!.item(), expected.step, 'step');
        else if (key === 'mu_product')
          close([found[key]!.item()], [expected[key]], { rtol: 1e-6 }, key);
        else close(found[key]!.toArray(), expected[key].data, { scaled: 1e-6 }, key);
      }
    }
    optimizer.dispose();
    for (const { layer } of steered) layer.dispose();
    return optimizer;
  },
  ({ state }) => state,
);
