/** Operations on tensors: in a model, with gradients, and at once. */
import * as evenkeel from 'evenkeel';
import { type Input, Module, type Tensor } from 'evenkeel';
import type { GoldenCase } from '../../support/stored.ts';
import { close, equal, ofGoldens } from '../checks/check.ts';

class Program extends Module {
  constructor(private readonly body: (inputs: Tensor[]) => Tensor) {
    super();
  }

  override forward(x: Input | readonly Input[]): Tensor {
    return this.body([x].flat() as Tensor[]);
  }
}

/** The function of a case, with its parameters behind the tensors. */
function bodyOf(golden: GoldenCase): (inputs: Tensor[]) => Tensor {
  const { name, dim, keepdim, correction, min, max, dims, shape, start, end, step, sizes, part } =
    golden;
  const call = (evenkeel as unknown as Record<string, (...args: unknown[]) => Tensor>)[name!]!;
  switch (name) {
    case 'clamp':
      return ([x]) => call(x, { min, max });
    case 'sum':
    case 'mean':
    case 'max':
    case 'variance':
      return ([x]) => call(x, dim, { keepdim, ...(correction !== undefined && { correction }) });
    case 'softmax':
    case 'logSoftmax':
      return ([x]) => call(x, dim);
    case 'permute':
      return ([x]) => call(x, dims);
    case 'transpose':
      return ([x]) => call(x, ...dims);
    case 'expand':
      return ([x]) => call(x, shape);
    case 'concat':
    case 'stack':
      return (inputs) => call(inputs, dim);
    case 'slice':
      return ([x]) => call(x, dim, start, end, { step });
    case 'split':
      return ([x]) => (call(x, sizes, dim) as unknown as Tensor[])[part]!;
    default:
      return (inputs) => call(...inputs);
  }
}

/** exp, log and the like have their own rounding; sums have a few terms. */
const VALUES = { rtol: 3e-6, atol: 2e-6, scaled: 1e-6 };

export default ofGoldens('ops', (golden) => {
  const { inputs, gradients, y, dy } = golden as GoldenCase & { inputs: Input[] };
  const body = bodyOf(golden);
  const model = new Program(body);
  const output = model.forward(inputs);
  equal(output.shape, y.shape, 'shape');
  close(output.toArray(), y.data, VALUES, 'y');
  close(body(inputs as Tensor[]).toArray(), output.toArray(), {}, 'y at once');
  const found = [model.backward<Tensor | Tensor[]>(dy)].flat();
  for (const [i, dx] of found.entries()) {
    if (gradients[i].data.length > 0) close(dx.toArray(), gradients[i].data, VALUES, `dx ${i}`);
  }
  model.dispose();
  return [];
});
