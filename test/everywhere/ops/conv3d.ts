import { Conv3d } from 'evenkeel';
import { ofGoldens } from '../checks/check.ts';
import { compareLayer, withWeights } from '../checks/layer.ts';

export default ofGoldens('conv3d', (golden) => {
  const { kernel, options, x, weight } = golden;
  const layer = new Conv3d(x.shape[1], weight.shape[0], kernel, options);
  return compareLayer(withWeights(layer, golden), golden, { rtol: 1e-6, scaled: 2e-6 });
});
