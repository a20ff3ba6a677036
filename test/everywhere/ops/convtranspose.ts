import { ConvTranspose1d, ConvTranspose2d } from 'evenkeel';
import { equal, ofGoldens } from '../checks/check.ts';
import { compareLayer, withWeights } from '../checks/layer.ts';

export default ofGoldens('convtranspose', (golden) => {
  const { out, kernel, options, keys, x } = golden;
  const Kind = x.shape.length === 4 ? ConvTranspose2d : ConvTranspose1d;
  const layer = new Kind(x.shape[1], out, kernel, options);
  equal(Object.keys(layer.stateDict()), keys, 'keys');
  return compareLayer(withWeights(layer, golden), golden, { rtol: 1e-6, scaled: 2e-6 });
});
