import { Upsample } from 'evenkeel';
import { ofGoldens } from '../checks/check.ts';
import { compareLayer } from '../checks/layer.ts';

/** An output mixes four inputs; λ itself is a float32 near o·scale. */
const MIXED = { rtol: 1e-5, scaled: 2e-6 };

export default ofGoldens('upsample', ({ options, ...golden }) => {
  const { scale_factor: scaleFactor, size, mode, align_corners: alignCorners } = options;
  return compareLayer(new Upsample({ scaleFactor, size, mode, alignCorners }), golden, MIXED);
});
