/** Set-up of `npm run test:threads`: the kernels run on two threads, which divide the smallest calls, too. */
import { kernels } from '../../src/kernels/index.ts';
import { Conv2d } from '../../src/layers/conv/conv.ts';
import { LIMITS } from '../../src/threads/pool.ts';
import { useThreads } from '../../src/threads/usethreads.ts';

Object.assign(LIMITS, { call: 0, share: 0, small: 0 });
await useThreads(2, { maximum: 65_535 * 65_536 });
// The pool takes memory for its modules, and for the scratch of the largest call. It does so here, not in tests
// that count bytes.
kernels();
const layer = new Conv2d(64, 64, 3);
const y = layer.forward({ data: new Float32Array(2 * 64 * 1024), shape: [2, 64, 32, 32] });
layer.backward({ data: new Float32Array(y.size), shape: [...y.shape] }).toArray();
layer.dispose();
