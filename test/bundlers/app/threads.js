// A page computes on threads whose script is inlined, and again with a file for it. `outcome` has the hash of a
// training with each; with a policy that forbids inlined scripts, that of the file alone.
import { Conv2d, manualSeed } from 'evenkeel';
import { useThreads } from 'evenkeel/threads';
import { train } from './training.js';

/** Many multiplications, which threads divide: as text. */
function convolve() {
  manualSeed(1);
  const layer = new Conv2d(8, 16, 3);
  const data = Float32Array.from({ length: 16 * 8 * 900 }, (_, i) => ((i * 31) % 97) / 97);
  return layer
    .forward({ data, shape: [16, 8, 30, 30] })
    .toArray()
    .join();
}

async function on(threads, alone) {
  if (threads.count !== 3) throw new Error(`${threads.count} threads: ${threads.reason}`);
  for (let i = 0; i < 20; i++) if (convolve() !== alone) throw new Error('other bits');
  const hash = await train();
  threads.close();
  return hash;
}

globalThis.outcome = (async () => {
  const alone = convolve();
  const places = {};
  const inlined = await useThreads(3);
  if (!location.search) places.inlined = await on(inlined, alone);
  else if (!/did not start/.test(inlined.reason)) throw new Error(`inlined: ${inlined.reason}`);
  const worker = () => new Worker(new URL('./thread.js', import.meta.url), { type: 'module' });
  places.file = await on(await useThreads(3, { worker }), alone);
  return places;
})();
