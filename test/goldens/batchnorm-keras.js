/**
 * Batch norm as Keras has it, by TensorFlow.js: training steps, their gradients, and inference, written to
 * batchnorm-keras.json. Needs @tensorflow/tfjs 4 where Node finds it from the working directory:
 *
 *   cd SOMEWHERE && npm install @tensorflow/tfjs && node PATH/TO/batchnorm-keras.js
 */
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const tf = createRequire(`${process.cwd()}/`)('@tensorflow/tfjs');
await tf.setBackend('cpu');

const encode = (tensor) => {
  const { buffer, byteOffset, byteLength } = tensor.dataSync();
  return {
    shape: tensor.shape,
    f32: Buffer.from(buffer, byteOffset, byteLength).toString('base64'),
  };
};

let seed = 1;
const normal = (shape, mean = 0, sd = 1) => tf.randomNormal(shape, mean, sd, 'float32', seed++);

function example(name, shape, options = {}) {
  const layer = tf.layers.batchNormalization(options);
  layer.build(shape);
  const c = shape.at(-1);
  const [gamma, beta] = [normal([c], 1), normal([c])];
  const start = [tf.zeros([c]), tf.ones([c])];
  layer.setWeights([gamma, beta, ...start]);
  const result = { name, weight: encode(gamma), bias: encode(beta), steps: [] };
  for (let step = 0; step < 3; step++) {
    const x = normal(shape, 2, 3);
    const dy = normal(shape);
    const f = (input) => layer.apply(input, { training: true }).mul(dy).sum();
    const before = layer.getWeights().map((weight) => weight.clone());
    const y = layer.apply(x, { training: true });
    const after = layer.getWeights().map((weight) => weight.clone());
    // the gradients run the layer again, from the same state
    layer.setWeights(before);
    const dx = tf.grad(f)(x);
    layer.setWeights(before);
    const { grads } = tf.variableGrads(
      () => f(x),
      layer.trainableWeights.map((w) => w.val),
    );
    layer.setWeights(after);
    const [dWeight, dBias] = layer.trainableWeights.map((w) => grads[w.val.name]);
    result.steps.push({
      x: encode(x),
      dy: encode(dy),
      y: encode(y),
      dx: encode(dx),
      dWeight: encode(dWeight),
      dBias: encode(dBias),
      runningMean: encode(after[2]),
      runningVar: encode(after[3]),
    });
  }
  const x = normal(shape, 2, 3);
  result.inference = { x: encode(x), y: encode(layer.apply(x, { training: false })) };
  return result;
}

const cases = [
  example('[8, 5]', [8, 5]),
  example('[3, 4, 5, 6]', [3, 4, 5, 6]),
  example('[6, 7], momentum 0.7, epsilon 0.1', [6, 7], { momentum: 0.7, epsilon: 0.1 }),
];
const text = `[\n${cases.map((entry) => JSON.stringify(entry)).join(',\n')}\n]\n`;
writeFileSync(new URL('batchnorm-keras.json', import.meta.url), text);
console.log(`batchnorm-keras.json: ${cases.length} cases, ${text.length} bytes`);
