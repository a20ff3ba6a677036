/**
 * Drivers of TensorFlow.js: `node tfjs.js wasm|cpu`, one thread. A gradient includes its forward pass,
 * which the library does not separate. Norms without a layer of their own are written with its operations.
 */
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { serve, uniform } from './serve.js';

const require = createRequire(new URL('../../build/peers/package.json', import.meta.url));
const [backend] = process.argv.slice(2);
console.warn = () => {};
const tf = require('@tensorflow/tfjs');
if (backend === 'wasm') {
  const wasm = require('@tensorflow/tfjs-backend-wasm');
  wasm.setWasmPaths(`${dirname(require.resolve('@tensorflow/tfjs-backend-wasm'))}/`);
  wasm.setThreadsCount(1);
}
await tf.setBackend(backend);
await tf.ready();

const tensor = (seed, shape) => tf.tensor(uniform(tf.util.sizeFromShape(shape), seed), shape);
/** A work that is one function of tensors; `arrange` brings its result into our order. */
const plain = (compute, arrange = (y) => y) => ({
  run: () => compute().dispose(),
  outputs: () => tf.tidy(() => arrange(compute()).dataSync()),
});
const toNHWC = (x) => tf.transpose(x, [0, 2, 3, 1]);
const toNCHW = (x) => tf.transpose(x, [0, 3, 1, 2]);

/** Every gradient of `forward` at `inputs`; the first is the result. */
function gradients(forward, inputs, dy) {
  const all = tf.grads(forward);
  const compute = () => tf.tidy(() => all(inputs, dy));
  return {
    run: () => tf.dispose(compute()),
    outputs: () => tf.tidy(() => compute()[0].dataSync()),
  };
}

const drivers = {
  batchnorm,
  layernorm,
  groupnorm,
  localresponsenorm,
  weightnorm,
  gemm,
  conv2d,
  activation,
  ops,
  loss,
  optim,
  step,
  recurrent,
  fold,
};
await serve((item) => {
  tf.disposeVariables();
  return drivers[item.group](item.of, item.work);
});

function batchnorm({ layout, n, c, s }, work) {
  const shape = layout === 'rows' ? [n, c] : [n, Math.sqrt(s), Math.sqrt(s), c];
  const axes = shape.slice(1).map((_, i) => i);
  const [x, dy] = [tensor(1, shape), tensor(2, shape)];
  const [weight, bias, mean] = [tensor(3, [c]), tensor(4, [c]), tensor(5, [c])];
  const variance = tf.tidy(() => tensor(6, [c]).add(1));
  const forward = (x) => {
    const moments = tf.moments(x, axes);
    return tf.batchNorm(x, moments.mean, moments.variance, bias, weight, 1e-5);
  };
  if (work === 'forward') return plain(() => tf.tidy(() => forward(x)));
  if (work === 'inference') {
    return plain(() => tf.tidy(() => tf.batchNorm(x, mean, variance, bias, weight, 1e-5)));
  }
  return gradients(
    (x, weight, bias) => {
      const moments = tf.moments(x, axes);
      return tf.batchNorm(x, moments.mean, moments.variance, bias, weight, 1e-5);
    },
    [x, weight, bias],
    dy,
  );
}

/** x̂ over the last axis. */
function standardize(x) {
  const d = x.sub(x.mean(-1, true));
  return d.mul(d.square().mean(-1, true).add(1e-5).rsqrt());
}

function layernorm({ n, d }, work) {
  const [x, dy] = [tensor(1, [n, d]), tensor(2, [n, d])];
  const [weight, bias] = [tensor(3, [d]), tensor(4, [d])];
  const [inputs, forward] = work.startsWith('RMS')
    ? [[x, weight], (x, w) => x.mul(x.square().mean(-1, true).add(1e-5).rsqrt()).mul(w)]
    : [[x, weight, bias], (x, w, b) => standardize(x).mul(w).add(b)];
  return work.endsWith('backward')
    ? gradients(forward, inputs, dy)
    : plain(() => tf.tidy(() => forward(...inputs)));
}

function groupnorm({ n, c, size, groups }, work) {
  const shape = [n, c, size, size];
  const inputs = [tensor(1, shape), tensor(3, [c]), tensor(4, [c])];
  const forward = (x, w, b) =>
    standardize(x.reshape([n, groups, -1]))
      .reshape(shape)
      .mul(w.reshape([c, 1, 1]))
      .add(b.reshape([c, 1, 1]));
  return work === 'backward'
    ? gradients(forward, inputs, tensor(2, shape))
    : plain(() => tf.tidy(() => forward(...inputs)));
}

function localresponsenorm({ n, c, size, window }, work) {
  const [x, dy] = tf.tidy(() => [1, 2].map((seed) => toNHWC(tensor(seed, [n, c, size, size]))));
  const forward = (x) => tf.localResponseNormalization(x, (window - 1) / 2, 1, 1e-4 / window, 0.75);
  const gradient = tf.grad(forward);
  return plain(() => tf.tidy(() => (work === 'backward' ? gradient(x, dy) : forward(x))), toNCHW);
}

function weightnorm({ rows, cols }, work) {
  const inputs = [tensor(1, [rows, cols]), tensor(5, [rows, 1])];
  const forward = (v, g) => v.mul(g.mul(v.square().sum(-1, true).rsqrt()));
  return work === 'backward'
    ? gradients(forward, inputs, tensor(2, [rows, cols]))
    : plain(() => tf.tidy(() => forward(...inputs)));
}

function gemm({ m, n, k }) {
  const [a, b] = [tensor(1, [m, k]), tensor(2, [k, n])];
  return plain(() => tf.matMul(a, b));
}

function conv2d({ n, channels, size, outChannels, kernel, stride, padding, groups, out }, work) {
  const strides = [stride, stride];
  const pad = [[0, 0], padding, padding, [0, 0]];
  const depthwise = groups > 1;
  const [x, dy, weight] = tf.tidy(() => [
    toNHWC(tensor(1, [n, channels, size, size])),
    toNHWC(tensor(2, [n, outChannels, out, out])),
    // [out, in, h, w] → [h, w, in, out]; depthwise [h, w, in, 1].
    tf.transpose(
      tensor(3, [outChannels, channels / groups, kernel, kernel]),
      depthwise ? [2, 3, 0, 1] : [2, 3, 1, 0],
    ),
  ]);
  const options = { strides, pad, dimRoundingMode: 'floor', dilations: [1, 1] };
  const kernelOf = (name, inputs, more) =>
    tf.engine().runKernel(name, inputs, { ...options, dataFormat: 'NHWC', ...more });
  if (work === 'forward') {
    const compute = depthwise
      ? () => tf.depthwiseConv2d(x, weight, strides, pad, 'NHWC', [1, 1], 'floor')
      : () => tf.conv2d(x, weight, strides, pad, 'NHWC', [1, 1], 'floor');
    return plain(compute, toNCHW);
  }
  const name = depthwise ? 'DepthwiseConv2dNative' : 'Conv2D';
  if (work === 'input gradient') {
    return plain(
      () =>
        kernelOf(
          `${name}BackpropInput`,
          { dy, filter: weight },
          { inputShape: [n, size, size, channels] },
        ),
      toNCHW,
    );
  }
  return plain(
    () => kernelOf(`${name}BackpropFilter`, { x, dy }, { filterShape: weight.shape }),
    (dw) => tf.transpose(dw, depthwise ? [2, 3, 0, 1] : [3, 2, 0, 1]),
  );
}

function activation({ n }, work) {
  const x = tf.tidy(() => tensor(1, [n]).mul(8));
  return plain(() => tf[work](x));
}

function ops({ rows, columns }, work) {
  const [x, z] = [1, 2].map((seed) => tf.tidy(() => tensor(seed, [rows, columns]).add(1)));
  const [row, column] = [tensor(3, [columns]), tensor(4, [rows, 1])];
  const number = tf.tidy(() => row.slice(0, 1));
  return plain(
    {
      'add, one shape': () => tf.add(x, z),
      'mul by a number': () => tf.mul(x, number),
      'mul by a row': () => tf.mul(x, row),
      'mul by a column': () => tf.mul(x, column),
      'div, one shape': () => tf.div(x, z),
      'maximum, one shape': () => tf.maximum(x, z),
      square: () => tf.square(x),
      sqrt: () => tf.sqrt(x),
      'sum of all': () => tf.sum(x),
      'sum over rows': () => tf.sum(x, 0),
      'sum over columns': () => tf.sum(x, 1),
      'max over columns': () => tf.max(x, 1),
      'max over rows': () => tf.max(x, 0),
      transpose: () => tf.transpose(x),
    }[work],
  );
}

function loss({ n, c }) {
  const x = tensor(1, [n, c]);
  const labels = tf.oneHot(tf.range(0, n, 1, 'int32').mod(tf.scalar(c, 'int32')), c).toFloat();
  const gradient = tf.grad((x) => tf.losses.softmaxCrossEntropy(labels, x));
  return plain(() => tf.tidy(() => gradient(x)));
}

function optim({ n }, work) {
  const weight = tf.variable(tensor(1, [n]), true, 'weight');
  const optimizer = work === 'SGD' ? tf.train.sgd(1e-3) : tf.train.adam(1e-3, 0.9, 0.999, 1e-8);
  const gradient = tensor(2, [n]);
  const run = () => tf.tidy(() => optimizer.applyGradients({ weight: gradient }));
  return {
    run,
    outputs() {
      for (let i = 0; i < 3; i++) run();
      return weight.dataSync();
    },
    dispose: () => optimizer.dispose(),
  };
}

function step({ network }) {
  let seed = 100;
  const layers = [];
  const weighted = (layer, shape, arrange) => layers.push({ layer, shape, arrange });
  const plainLayer = (layer) => layers.push({ layer });
  const norm = () => {
    plainLayer(tf.layers.batchNormalization({ epsilon: 1e-5, momentum: 0.9 }));
    plainLayer(tf.layers.reLU());
  };
  const dense = (inputs, units, useBias, arrange = (w) => tf.transpose(w)) =>
    weighted(tf.layers.dense({ units, useBias }), [units, inputs], arrange);
  const conv = (inputs, filters, kernelSize, strides, padding) =>
    weighted(
      tf.layers.conv2d({ filters, kernelSize, strides, padding, useBias: false }),
      [filters, inputs, kernelSize, kernelSize],
      (w) => tf.transpose(w, [2, 3, 1, 0]),
    );
  if (network === 'mlp') {
    const widths = [784, 200, 100, 60, 30];
    for (let i = 1; i < widths.length; i++) {
      dense(widths[i - 1], widths[i], false);
      norm();
    }
    dense(30, 10, true);
  } else {
    conv(1, 24, 6, 1, 'same');
    norm();
    plainLayer(tf.layers.zeroPadding2d({ padding: 2 }));
    conv(24, 48, 5, 2, 'valid');
    norm();
    conv(48, 64, 4, 2, 'same');
    norm();
    plainLayer(tf.layers.flatten());
    const fromNHWC = (w) => w.reshape([200, 64, 7, 7]).transpose([2, 3, 1, 0]).reshape([3136, 200]);
    dense(3136, 200, false, fromNHWC);
    norm();
    dense(200, 10, true);
  }
  const model = tf.sequential();
  const [first, ...rest] = layers;
  const inputShape = network === 'mlp' ? [784] : [28, 28, 1];
  model.add(tf.layers.inputLayer({ inputShape }));
  for (const { layer } of [first, ...rest]) model.add(layer);
  for (const { layer, shape, arrange } of layers) {
    if (!shape) continue;
    const bound = 1 / Math.sqrt(tf.util.sizeFromShape(shape.slice(1)));
    const weights = tf.tidy(() => arrange(tensor(seed++, shape).mul(2 * bound)));
    const bias = layer.weights.length > 1 ? [tf.zeros([shape[0]])] : [];
    layer.setWeights([weights, ...bias]);
  }
  const x = tf.tidy(() => tensor(1, [100, ...inputShape]).add(0.5));
  const labels = tf.oneHot(tf.range(0, 100, 1, 'int32').mod(tf.scalar(10, 'int32')), 10).toFloat();
  const optimizer = tf.train.adam(1e-3, 0.9, 0.999, 1e-8);
  const run = () =>
    tf.tidy(() => {
      const cost = optimizer.minimize(
        () => tf.losses.softmaxCrossEntropy(labels, model.apply(x, { training: true })),
        true,
      );
      return cost.dataSync()[0];
    });
  return {
    run: () => void run(),
    outputs: () => [run(), run(), run()],
    dispose() {
      model.dispose();
      optimizer.dispose();
    },
  };
}

/** The library's GRU multiplies the state by the reset gate, not the product: this one is made of operations. */
function recurrent({ steps, batch, inputs, hidden }) {
  const weight = (seed, rows, columns) =>
    tf.variable(tf.tidy(() => tensor(seed, [rows, columns]).mul(2 / Math.sqrt(columns))));
  const bias = (n) => tf.variable(tf.zeros([n]));
  const [wx, wh] = [weight(100, 3 * hidden, inputs), weight(101, 3 * hidden, hidden)];
  const [bx, bh] = [bias(3 * hidden), bias(3 * hidden)];
  const [weightHead, biasHead] = [weight(102, 10, hidden), bias(10)];
  const x = tf.tidy(() => tensor(1, [steps * batch, inputs]).add(0.5));
  const labels = tf
    .oneHot(tf.range(0, batch, 1, 'int32').mod(tf.scalar(10, 'int32')), 10)
    .toFloat();
  const multiply = (x, w, b) => tf.matMul(x, w, false, true).add(b);
  const next = (h, a) => {
    const [ar, az, an] = tf.split(a, 3, 1);
    const [br, bz, bn] = tf.split(multiply(h, wh, bh), 3, 1);
    const n = tf.tanh(an.add(tf.sigmoid(ar.add(br)).mul(bn)));
    return n.add(tf.sigmoid(az.add(bz)).mul(h.sub(n)));
  };
  const cost = () => {
    const last = tf.split(multiply(x, wx, bx), steps).reduce(next, tf.zeros([batch, hidden]));
    return tf.losses.softmaxCrossEntropy(labels, multiply(last, weightHead, biasHead));
  };
  const optimizer = tf.train.adam(1e-3, 0.9, 0.999, 1e-8);
  const run = () => tf.tidy(() => optimizer.minimize(cost, true).dataSync()[0]);
  return {
    run: () => void run(),
    outputs: () => [run(), run(), run()],
    dispose: () => optimizer.dispose(),
  };
}

/** Inference of a network of bench/works/fold.ts, layer by layer. */
function fold({ layers, input }) {
  let [weights, statistics] = [100, 200];
  const build = (list) => list.map(layer);
  const layer = (of) => {
    if (of.op === 'residual') {
      const inner = build(of.layers);
      return (x) => inner.reduce((y, apply) => apply(y), x).add(x);
    }
    if (of.op === 'relu') return tf.relu;
    if (of.op === 'flatten') return (x) => toNCHW(x).reshape([x.shape[0], -1]);
    if (of.op === 'norm') {
      const c = of.channels;
      const [mean, variance] = [tensor(statistics++, [c]), tensor(statistics++, [c]).add(1)];
      return (x) => tf.batchNorm(x, mean, variance, tf.zeros([c]), tf.ones([c]), 1e-5);
    }
    if (of.op === 'linear') {
      const weight = scaled(weights++, [of.outputs, of.inputs]);
      return (x) => tf.matMul(x, weight, false, true);
    }
    const { inputs, outputs, kernel, stride, padding, groups } = of;
    const depthwise = groups > 1;
    const weight = tf.transpose(
      scaled(weights++, [outputs, inputs / groups, kernel, kernel]),
      depthwise ? [2, 3, 0, 1] : [2, 3, 1, 0],
    );
    const convolve = depthwise ? tf.depthwiseConv2d : tf.conv2d;
    const pad = [[0, 0], padding, padding, [0, 0]];
    return (x) => convolve(x, weight, stride, pad, 'NHWC', 1, 'floor');
  };
  const image = input.length === 4;
  const x = tf.tidy(() => (image ? toNHWC(tensor(1, input)) : tensor(1, input)));
  const apply = build(layers);
  const compute = () => tf.tidy(() => apply.reduce((y, of) => of(y), x));
  return plain(compute, (y) => (y.rank === 4 ? toNCHW(y) : y));
}

/** A weight whose size falls with its fan-in. */
function scaled(seed, shape) {
  const bound = 1 / Math.sqrt(tf.util.sizeFromShape(shape.slice(1)));
  return tf.tidy(() => tensor(seed, shape).mul(2 * bound));
}
