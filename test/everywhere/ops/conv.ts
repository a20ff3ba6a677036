import { Conv1d, Conv2d } from 'evenkeel';
import { ofGoldens } from '../checks/check.ts';
import { compareLayer, withWeights } from '../checks/layer.ts';

export default ofGoldens('conv', (golden) => {
  const { kind, kernel, options, x, weight } = golden;
  const Kind = kind === 'Conv2d' ? Conv2d : Conv1d;
  const layer = new Kind(x.shape[1], weight.shape[0], kernel, options);
  return compareLayer(withWeights(layer, golden), golden, { rtol: 1e-6, scaled: 2e-6 });
});
