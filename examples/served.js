// Predicts with the trained weights in weights.js, which are part of the code so that nothing is fetched.
import { argmax } from 'evenkeel';
import { loadSafetensors } from 'evenkeel/state';
import { network } from './spiral.js';
import { weights } from './weights.js';

let model;

/** Responds to `?x=0.3&y=-0.2` with the arm that this point is on. */
export function answer({ url }) {
  model ??= trained();
  const query = new URL(url).searchParams;
  const point = [Number(query.get('x')), Number(query.get('y'))];
  const logits = model.predict({ data: point, shape: [1, 2] });
  return Response.json({ arm: argmax(logits)[0], logits: [...logits.toArray()] });
}

function trained() {
  const bytes = Uint8Array.from(atob(weights), (character) => character.charCodeAt(0));
  const model = network();
  model.loadStateDict(loadSafetensors(bytes).tensors);
  return model;
}
