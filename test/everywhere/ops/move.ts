import { ConstantPad2d, type Input, Multiply, Permute, type Tensor, ZeroPad2d } from 'evenkeel';
import type { GoldenCase } from '../../support/stored.ts';
import { close, equal, ofGoldens } from '../checks/check.ts';
import { compareLayer } from '../checks/layer.ts';

const EXACT = {};
/** A product of two or three numbers, and sums of a few of them. */
const PRODUCTS = { rtol: 1e-6, atol: 1e-6 };

function multiply({ inputs, gradients, y, dy }: GoldenCase): object {
  const layer = new Multiply();
  const output = layer.forward(inputs as Input[]);
  equal(output.shape, y.shape, 'shape');
  close(output.toArray(), y.data, PRODUCTS, 'y');
  for (const [i, dx] of layer.backward<Tensor[]>(dy).entries()) {
    close(dx.toArray(), gradients[i].data, PRODUCTS, `dx ${i}`);
  }
  return layer;
}

export default ofGoldens('move', (golden) => {
  const { name, sides, value, dims } = golden;
  if (name === 'multiply') return multiply(golden);
  if (name === 'permute') return compareLayer(new Permute(dims), golden, EXACT);
  return compareLayer(
    value === 0 ? new ZeroPad2d(sides) : new ConstantPad2d(sides, value),
    golden,
    EXACT,
  );
});
