/** What the programs here learn from. data.py is its twin: the same numbers in the same order. */
import { readFileSync } from 'node:fs';
import { add, matmul, maximum, mean, mul, sqrt, square, sub, sum, transpose } from 'evenkeel';
import { readIdx } from 'evenkeel/data';

const FOLDER = new URL('../../data/fashion-mnist/', import.meta.url);

/** The first `count` images of Fashion-MNIST's part 'train' or 't10k' in [0, 1], and their classes. */
export async function clothing(part, count, shape = [1, 28, 28]) {
  const read = (kind) => readIdx(readFileSync(new URL(`${part}-${kind}-ubyte.gz`, FOLDER)));
  const [images, labels] = [await read('images-idx3'), await read('labels-idx1')];
  const data = new Float32Array(images.data.subarray(0, count * 784)).map((byte) => byte / 255);
  const n = data.length / 784;
  return { inputs: { data, shape: [n, ...shape] }, targets: labels.data.subarray(0, n) };
}

/** Lehmer's generator (Park and Miller, 1988), which is exact in both languages: numbers in (0, 1). */
function lehmer(seed) {
  let state = seed;
  return () => (state = (state * 48271) % 2147483647) / 2147483647;
}

/** The characters of `sentences`; a text is an array of their numbers. */
export const ALPHABET = 'abcdefghijklmnopqrstuvwxyz .';

/**
 * Sentences such as "the old dogs that a cat sees chase some bird." A verb agrees with its noun, however far away
 * that is. Every text has one derivation only, so the logarithms of the choices add up to the text's information:
 * no model of characters can have a smaller mean loss than `nats`.
 */
export function sentences(count, seed) {
  const next = lehmer(seed);
  let nats = 0;
  const choose = (...list) => {
    nats += Math.log(list.length);
    return list[Math.floor(next() * list.length)];
  };
  const noun = () => {
    const end = choose('', 's');
    const words = `${choose('the', 'some', 'no')} ${choose('', 'old ', 'small ', 'happy ', 'quiet ')}`;
    return [`${words}${choose('dog', 'cat', 'bird', 'teacher', 'farmer', 'sailor')}${end}`, end];
  };
  const verb = (end) => {
    const word = choose('see', 'chase', 'know', 'hear', 'follow', 'like');
    return end === 's' ? word : `${word}s`;
  };
  const sentence = () => {
    const [subject, end] = noun();
    let clause = '';
    if (choose(false, true)) {
      const [other, otherEnd] = noun();
      clause = ` that ${other} ${verb(otherEnd)}`;
    }
    return `${subject}${clause} ${verb(end)} ${noun()[0]}. `;
  };
  const text = Array.from({ length: count }, sentence).join('');
  const codes = Int32Array.from(text, (character) => ALPHABET.indexOf(character));
  return { codes, nats: nats / codes.length };
}

/**
 * Waves of four forms (sine, square, triangle, sawtooth), each 64 samples with noise, of a random period from 8 to
 * 32 samples and a random phase.
 */
export function waves(count, seed) {
  const next = lehmer(seed);
  const forms = [
    (turn) => Math.sin(2 * Math.PI * turn),
    (turn) => (turn < 0.5 ? 1 : -1),
    (turn) => 1 - 4 * Math.abs(turn - 0.5),
    (turn) => 2 * turn - 1,
  ];
  const data = new Float32Array(count * 64);
  const targets = new Uint8Array(count);
  for (let i = 0; i < count; i++) {
    const period = 8 + 24 * next();
    const phase = next();
    targets[i] = i % 4;
    for (let t = 0; t < 64; t++) {
      const noise = next() + next() + next() - 1.5; // of variance 1/4
      data[64 * i + t] = forms[i % 4]((phase + t / period) % 1) + noise;
    }
  }
  return { inputs: { data, shape: [count, 64, 1] }, targets };
}

/** The mean distance from a row of a to a row of b, both [N, D]. */
function distance(a, b) {
  const squares = (x) => sum(square(x), 1, { keepdim: true });
  const sums = add(squares(a), transpose(squares(b), 0, 1));
  return mean(sqrt(maximum(sub(sums, mul(matmul(a, transpose(b, 0, 1)), 2)), 0))).item();
}

/** The energy distance of two samples (Székely and Rizzo, 2013), which is 0 for the same distribution. */
export const energy = (a, b) => 2 * distance(a, b) - distance(a, a) - distance(b, b);
