import { LocalResponseNorm } from 'evenkeel';
import { ofGoldens } from '../checks/check.ts';
import { compareLayer } from '../checks/layer.ts';

/** The power is exp(−β·ln t): a few roundings of 6e-8. */
const CLOSE = { scaled: 2e-6, atol: 1e-6 };

export default ofGoldens('localresponsenorm', ({ size, options, ...golden }) =>
  compareLayer(new LocalResponseNorm(size, options), golden, CLOSE),
);
