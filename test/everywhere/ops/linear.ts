import { Linear } from 'evenkeel';
import { ofGoldens } from '../checks/check.ts';
import { compareLayer, withWeights } from '../checks/layer.ts';

export default ofGoldens('linear', (golden) => {
  const [outFeatures, inFeatures] = golden.weight.shape;
  const layer = new Linear(inFeatures, outFeatures, { bias: golden.bias !== null });
  return compareLayer(withWeights(layer, golden), golden, { rtol: 1e-6, scaled: 1e-6 });
});
