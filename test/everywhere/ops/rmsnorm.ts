import { RMSNorm } from 'evenkeel';
import { ofGoldens } from '../checks/check.ts';
import { compareLayer, SUMS, withWeights } from '../checks/layer.ts';

/** PyTorch 1.13 has no RMS norm: the goldens are its equation in float64, differentiated by autograd. */
export default ofGoldens('rmsnorm', (golden) => {
  const { normalized, eps, weight } = golden;
  const layer = new RMSNorm(normalized, { eps, elementwiseAffine: weight !== null });
  const tolerances = { y: { scaled: 1e-6 }, dx: SUMS, gradients: SUMS };
  return compareLayer(withWeights(layer, golden), golden, tolerances);
});
