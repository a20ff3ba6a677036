import { LogSoftmax, Softmax } from 'evenkeel';
import { ofGoldens } from '../checks/check.ts';
import { compareLayer } from '../checks/layer.ts';

const CLOSE = { y: { rtol: 2e-6, atol: 1e-6 }, dx: { rtol: 2e-6, atol: 2e-6 } };

export default ofGoldens('softmax', ({ log, dim, ...golden }) =>
  compareLayer(new (log ? LogSoftmax : Softmax)(dim), golden, CLOSE),
);
