import { LayerNorm } from 'evenkeel';
import { ofGoldens } from '../checks/check.ts';
import { compareLayer, SUMS, withWeights } from '../checks/layer.ts';

export default ofGoldens('layernorm', (golden) => {
  const { normalized, eps, weight } = golden;
  const layer = new LayerNorm(normalized, { eps, elementwiseAffine: weight !== null });
  const tolerances = { y: { scaled: 2e-6 }, dx: SUMS, gradients: SUMS };
  return compareLayer(withWeights(layer, golden), golden, tolerances);
});
