/** ONNX Runtime's side of the pipe: `node ort.js node|web`, one thread. It runs models; it does not train. */
import { createRequire } from 'node:module';
import { onnxModel } from './onnx.js';
import { Cannot, serve, uniform } from './serve.js';

const require = createRequire(new URL('../../build/peers/package.json', import.meta.url));
const kind = process.argv[2];
const ort = require(`onnxruntime-${kind}`);
if (kind === 'web') ort.env.wasm.numThreads = 1;

const size = (shape) => shape.reduce((product, extent) => product * extent, 1);

/** `inputs`: name → [shape, values]; the first output is the result. */
async function session(op, inputs, outputs, attributes) {
  const shapes = Object.fromEntries(Object.entries(inputs).map(([name, [shape]]) => [name, shape]));
  const model = onnxModel(op, shapes, outputs, attributes);
  const running = await ort.InferenceSession.create(model, {
    executionProviders: [kind === 'web' ? 'wasm' : 'cpu'],
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    graphOptimizationLevel: 'all',
    logSeverityLevel: 4,
  });
  const feeds = Object.fromEntries(
    Object.entries(inputs).map(([name, [shape, values]]) => [
      name,
      new ort.Tensor('float32', values, shape),
    ]),
  );
  const [result] = Object.keys(outputs);
  return {
    run: () => running.run(feeds),
    outputs: async () => (await running.run(feeds))[result].data,
    dispose: () => running.release(),
  };
}

function batchnorm({ layout, n, c, s }, work) {
  if (work === 'backward') throw new Cannot('cannot train');
  if (layout === 'NHWC') throw new Cannot('batch norm is channels-first only');
  const shape = layout === 'rows' ? [n, c] : [n, c, Math.sqrt(s), Math.sqrt(s)];
  const training = work === 'forward';
  return session(
    'BatchNormalization',
    {
      x: [shape, uniform(size(shape), 1)],
      weight: [[c], uniform(c, 3)],
      bias: [[c], uniform(c, 4)],
      mean: [[c], uniform(c, 5)],
      variance: [[c], uniform(c, 6).map((v) => v + 1)],
    },
    training ? { y: shape, runningMean: [c], runningVar: [c] } : { y: shape },
    { epsilon: 1e-5, training_mode: training ? 1 : 0 },
  );
}

function gemm({ m, n, k }) {
  const inputs = { a: [[m, k], uniform(m * k, 1)], b: [[k, n], uniform(k * n, 2)] };
  return session('MatMul', inputs, { y: [m, n] });
}

function conv2d(of, work) {
  if (work !== 'forward') throw new Cannot('cannot train');
  const { n, channels, outChannels, kernel, stride, padding, groups, out } = of;
  const x = [n, channels, of.size, of.size];
  const weight = [outChannels, channels / groups, kernel, kernel];
  const [before, after] = padding;
  return session(
    'Conv',
    { x: [x, uniform(size(x), 1)], weight: [weight, uniform(size(weight), 3)] },
    { y: [n, outChannels, out, out] },
    { strides: [stride, stride], pads: [before, before, after, after], group: groups },
  );
}

function activation({ n }, work) {
  const op = { exp: 'Exp', sigmoid: 'Sigmoid', tanh: 'Tanh' }[work];
  return session(op, { x: [[n], uniform(n, 1).map((v) => v * 8)] }, { y: [n] });
}

const prepare = { batchnorm, gemm, conv2d, activation };
await serve((item) => {
  const make = prepare[item.group];
  if (!make) throw new Cannot('cannot train');
  return make(item.of, item.work);
});
