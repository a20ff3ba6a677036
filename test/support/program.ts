/** Operations on tensors as a model: a function of its inputs. */
import { type Input, Module, type Tensor } from '../../src/index.ts';
import { type Array64, sizeOf } from '../reference/ops.ts';
import { expectClose, type Tolerance } from './close.ts';
import { expectGradient } from './gradient.ts';
import { TestRandom } from './random.ts';

export class Program extends Module {
  constructor(private readonly body: (...inputs: Tensor[]) => Tensor) {
    super();
  }

  override forward(x: Input | readonly Input[]): Tensor {
    return this.body(...([x].flat() as Tensor[]));
  }
}

export interface Described {
  readonly inputs: readonly Array64[];
  /** In float64. */
  readonly reference: (...inputs: Array64[]) => Array64;
  readonly body: (...inputs: Tensor[]) => Tensor;
  readonly tolerance?: Tolerance;
  /** Of the gradient. */
  readonly slope?: Tolerance;
  /** Which inputs have a gradient; all by default. */
  readonly trained?: readonly number[];
}

/**
 * Holds y against the reference, the gradient against the differences of the reference, and the values computed at
 * once against those of the model: their bits are the same.
 */
export function checkProgram(described: Described): void {
  const { inputs, reference, body, tolerance = { rtol: 2e-6, atol: 1e-6 } } = described;
  const { slope = { rtol: 1e-5, scaled: 3e-6, atol: 1e-6 }, trained = inputs.keys() } = described;
  const model = new Program(body);
  const given = inputs as readonly { shape: number[]; data: Float32Array }[];
  const y = model.forward(given);
  const expected = reference(...inputs);
  const same = JSON.stringify(y.shape) === JSON.stringify(expected.shape);
  if (!same) throw new Error(`shape: expected [${expected.shape}], got [${y.shape}]`);
  const values = y.toArray();
  expectClose(values, expected.data, tolerance, 'y');
  expectClose(model.predict(given).toArray(), values, {}, 'y of predict');
  expectClose(body(...(given as unknown as Tensor[])).toArray(), values, {}, 'y at once');
  const random = new TestRandom(sizeOf(expected.shape));
  const dy = random.normals(values.length);
  for (const time of [1, 2]) {
    if (time === 2) model.forward(given);
    const found = [
      model.backward<Tensor | Tensor[]>({ shape: expected.shape, data: dy } as never),
    ].flat();
    for (const i of trained) {
      // Of many elements a few: each difference computes the whole reference twice.
      const all = Float64Array.from(inputs[i]!.data);
      const some =
        all.length > 150
          ? [...new Set(Array.from({ length: 12 }, () => random.integer(all.length)))]
          : [...all.keys()];
      const of = (at: Float64Array) => {
        const data = all.slice();
        for (const [k, j] of some.entries()) data[j] = at[k]!;
        return reference(...inputs.map((input, j) => (j === i ? { ...input, data } : input))).data;
      };
      const gradient = found[i]!.toArray();
      expectGradient({
        gradient: some.map((j) => gradient[j]!),
        at: some.map((j) => all[j]!),
        ...{ of, dy, ...slope },
        what: `dx${i}, time ${time}`,
      });
    }
  }
  model.dispose();
}
