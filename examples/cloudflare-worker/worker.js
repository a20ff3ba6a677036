// A Cloudflare Worker that predicts with a trained network, and trains another network inside a request.
//   npx wrangler dev
//   curl 'localhost:8787/?x=0.3&y=-0.2'
//   curl localhost:8787 --json '{ "points": [[0.1, 0.2], …], "arms": [0, …] }' -o mine.safetensors
import { saveSafetensors } from 'evenkeel/state';
import { answer } from '../served.js';
import { training } from '../spiral.js';

/**
 * The number of steps of 50 points that a request trains. The limit is not a time, because the clock does
 * not advance during a request.
 */
const STEPS = 240;

export default {
  fetch(request) {
    return request.method === 'POST' ? learn(request) : answer(request);
  },
};

/** Trains on the points in the request, and responds with the weights. */
async function learn(request) {
  const { points, arms } = await request.json();
  const data = { inputs: { data: points.flat(), shape: [points.length, 2] }, targets: arms };
  const epochs = Math.ceil(STEPS / Math.ceil(points.length / 50));
  const { model, loss, optimizer, progress } = training(data, { epochs });
  try {
    for await (const _ of progress);
    return new Response(saveSafetensors(model.stateDict()));
  } finally {
    // Linear memory outlives the request.
    for (const part of [model, loss, optimizer]) part.dispose();
  }
}
