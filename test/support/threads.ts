/** Set-up of `npm run test:threads`: the kernels run on two threads, which divide the smallest calls, too. */
import { LIMITS } from '../../src/threads/pool.ts';
import { useThreads } from '../../src/threads/usethreads.ts';

Object.assign(LIMITS, { call: 0, share: 0 });
await useThreads(2);
