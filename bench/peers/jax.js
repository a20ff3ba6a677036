/**
 * Drivers of jax-js, its wasm backend. A function consumes the arrays it is given; `.ref` keeps one.
 * A gradient includes its forward pass. Norms are written with the library's operations.
 */
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { serve, uniform } from './serve.js';

const require = createRequire(new URL('../../build/peers/package.json', import.meta.url));
const entry = require.resolve('@jax-js/jax').replace(/\.cjs$/, '.js');
const jax = await import(pathToFileURL(entry).href);
const { numpy: np, nn, lax, jit, grad, valueAndGrad, vjp } = jax;
await jax.init('wasm');
jax.defaultDevice('wasm');

const size = (shape) => shape.reduce((product, extent) => product * extent, 1);
const array = (seed, shape) => np.array(uniform(size(shape), seed), { shape });

/** A compiled function, called on the same arrays each time. */
function plain(compute, inputs) {
  const compiled = jit(compute);
  const call = () => compiled(...inputs.map((x) => x.ref));
  return {
    run: async () => {
      const y = call();
      await y.blockUntilReady();
      y.dispose();
    },
    outputs: async () => await call().data(),
  };
}

/** Every gradient of `forward` at `inputs`; the first is the result. */
function gradients(forward, inputs, dy) {
  const compiled = jit((dy, ...inputs) => {
    const [y, pull] = vjp(forward, inputs);
    y.dispose();
    return pull(dy);
  });
  const call = () => compiled(dy.ref, ...inputs.map((x) => x.ref));
  return {
    run: async () => {
      const all = call();
      await jax.blockUntilReady(all);
      for (const gradient of all) gradient.dispose();
    },
    async outputs() {
      const [first, ...rest] = call();
      for (const gradient of rest) gradient.dispose();
      return await first.data();
    },
  };
}

/** x̂·weight + bias with the batch's mean and variance over `axes`; channels are `shape`d to broadcast. */
function normalize(x, weight, bias, axes, shape) {
  const d = x.ref.sub(np.mean(x, axes, { keepdims: true }));
  const variance = np.mean(np.square(d.ref), axes, { keepdims: true });
  const invStd = np.reciprocal(np.sqrt(variance.add(1e-5)));
  return d.mul(invStd.mul(weight.reshape(shape))).add(bias.reshape(shape));
}

function batchnorm({ layout, n, c, s }, work) {
  const edge = Math.sqrt(s);
  const [shape, axes, channels] = {
    rows: [[n, c], [0], [1, c]],
    NCHW: [
      [n, c, edge, edge],
      [0, 2, 3],
      [1, c, 1, 1],
    ],
    NHWC: [
      [n, edge, edge, c],
      [0, 1, 2],
      [1, 1, 1, c],
    ],
  }[layout];
  const [x, dy, weight, bias] = [array(1, shape), array(2, shape), array(3, [c]), array(4, [c])];
  if (work === 'forward') {
    return plain((x, w, b) => normalize(x, w, b, axes, channels), [x, weight, bias]);
  }
  if (work === 'inference') {
    const compute = (x, w, b, mean, variance) => {
      const scale = w.mul(np.reciprocal(np.sqrt(variance.add(1e-5))));
      return x.sub(mean.reshape(channels)).mul(scale.reshape(channels)).add(b.reshape(channels));
    };
    return plain(compute, [x, weight, bias, array(5, [c]), array(6, [c]).add(1)]);
  }
  return gradients((x, w, b) => normalize(x, w, b, axes, channels), [x, weight, bias], dy);
}

function layernorm({ n, d }, work) {
  const inputs = [array(1, [n, d]), array(3, [d]), array(4, [d])];
  const rms = work.startsWith('RMS');
  const forward = rms
    ? (x, w) => {
        const square = np.mean(np.square(x.ref), -1, { keepdims: true });
        return x.mul(np.reciprocal(np.sqrt(square.add(1e-5)))).mul(w);
      }
    : (x, w, b) => normalize(x, w, b, -1, [1, d]);
  const taken = rms ? inputs.slice(0, 2) : inputs;
  return work.endsWith('backward')
    ? gradients(forward, taken, array(2, [n, d]))
    : plain(forward, taken);
}

function groupnorm({ n, c, size: edge, groups }, work) {
  const shape = [n, c, edge, edge];
  const inputs = [array(1, shape), array(3, [c]), array(4, [c])];
  const forward = (x, w, b) => {
    const grouped = x.reshape([n, groups, -1]);
    const d = grouped.ref.sub(np.mean(grouped, -1, { keepdims: true }));
    const variance = np.mean(np.square(d.ref), -1, { keepdims: true });
    const standardized = d.mul(np.reciprocal(np.sqrt(variance.add(1e-5)))).reshape(shape);
    return standardized.mul(w.reshape([1, c, 1, 1])).add(b.reshape([1, c, 1, 1]));
  };
  return work === 'backward' ? gradients(forward, inputs, array(2, shape)) : plain(forward, inputs);
}

function localresponsenorm({ n, c, size: edge, window }, work) {
  const shape = [n, c, edge, edge];
  const half = (window - 1) / 2;
  const forward = (x) => {
    const squares = np.pad(np.square(x.ref), [
      [0, 0],
      [half, half],
      [0, 0],
      [0, 0],
    ]);
    let sum = squares.ref.slice([], [0, c]);
    for (let i = 1; i < window; i++) sum = sum.add(squares.ref.slice([], [i, i + c]));
    squares.dispose();
    return x.div(np.power(sum.mul(1e-4 / window).add(1), 0.75));
  };
  return work === 'backward'
    ? gradients(forward, [array(1, shape)], array(2, shape))
    : plain(forward, [array(1, shape)]);
}

function weightnorm({ rows, cols }, work) {
  const inputs = [array(1, [rows, cols]), array(5, [rows, 1])];
  const forward = (v, g) => {
    const norm = np.sqrt(np.sum(np.square(v.ref), -1, { keepdims: true }));
    return v.mul(g.div(norm));
  };
  return work === 'backward'
    ? gradients(forward, inputs, array(2, [rows, cols]))
    : plain(forward, inputs);
}

function gemm({ m, n, k }) {
  return plain((a, b) => np.matmul(a, b), [array(1, [m, k]), array(2, [k, n])]);
}

function convolve(x, weight, stride, padding, groups = 1) {
  return lax.convGeneralDilated(x, weight, [stride, stride], [padding, padding], {
    featureGroupCount: groups,
  });
}

function conv2d({ n, channels, size, outChannels, kernel, stride, padding, groups, out }, work) {
  const x = array(1, [n, channels, size, size]);
  const dy = array(2, [n, outChannels, out, out]);
  const weight = array(3, [outChannels, channels / groups, kernel, kernel]);
  if (work === 'forward') {
    return plain((x, w) => convolve(x, w, stride, padding, groups), [x, weight]);
  }
  const compute = (x, w, dy) => {
    const of =
      work === 'input gradient'
        ? [(x) => convolve(x, w, stride, padding, groups), [x]]
        : [(w) => convolve(x, w, stride, padding, groups), [w]];
    const [y, pull] = vjp(...of);
    y.dispose();
    return pull(dy)[0];
  };
  return plain(compute, [x, weight, dy]);
}

function activation({ n }, work) {
  const compute = { exp: np.exp, sigmoid: nn.sigmoid, tanh: np.tanh }[work];
  return plain((x) => compute(x), [array(1, [n]).mul(8)]);
}

const crossEntropy = (logits, labels, rows) =>
  np.sum(nn.logSoftmax(logits).mul(labels)).mul(-1 / rows);

function oneHot(n, c) {
  const labels = new Float32Array(n * c);
  for (let i = 0; i < n; i++) labels[i * c + (i % c)] = 1;
  return np.array(labels, { shape: [n, c] });
}

function loss({ n, c }) {
  const gradient = grad((x, labels) => crossEntropy(x, labels, n));
  return plain((x, labels) => gradient(x, labels), [array(1, [n, c]), oneHot(n, c)]);
}

/** One Adam update of one tensor: [weight, m, v]; `rates` is lr/(1−β₁ᵗ) and 1/(1−β₂ᵗ). */
function adam(weight, m, v, gradient, rates) {
  const m1 = m.mul(0.9).add(gradient.ref.mul(0.1));
  const v1 = v.mul(0.999).add(np.square(gradient).mul(0.001));
  const [rate, scale] = [rates.ref.slice(0), rates.slice(1)];
  const root = np.sqrt(v1.ref.mul(scale)).add(1e-8);
  return [weight.sub(m1.ref.mul(rate).div(root)), m1, v1];
}

const adamRates = (t) =>
  np.array(Float32Array.of(1e-3 / (1 - 0.9 ** t), 1 / (1 - 0.999 ** t)), { shape: [2] });

function optim({ n }, work) {
  let [w, m, v] = [array(1, [n]), np.zeros([n]), np.zeros([n])];
  const gradient = array(2, [n]);
  const sgd = jit((w, g) => w.sub(g.mul(1e-3)));
  const update = jit(adam);
  let t = 0;
  const run = async () => {
    if (work === 'SGD') w = sgd(w, gradient.ref);
    else [w, m, v] = update(w, m, v, gradient.ref, adamRates(++t));
    await w.blockUntilReady();
  };
  return {
    run,
    async outputs() {
      for (let i = 0; i < 3; i++) await run();
      return await w.ref.data();
    },
  };
}

const NETWORKS = {
  mlp: {
    input: [100, 784],
    layers: [
      [200, 784],
      [100, 200],
      [60, 100],
      [30, 60],
      [10, 30],
    ],
  },
  cnn: {
    input: [100, 1, 28, 28],
    layers: [
      [24, 1, 6, 6],
      [48, 24, 5, 5],
      [64, 48, 4, 4],
      [200, 3136],
      [10, 200],
    ],
    windows: [
      [1, [2, 3]],
      [2, [2, 2]],
      [2, [1, 1]],
    ],
  },
};

/** Parameters: each layer's weight, and its batch norm's weight and bias; then the last layer's. */
function step({ network }) {
  const { input, layers, windows = [] } = NETWORKS[network];
  let parameters = layers.flatMap((shape, i) => {
    const weight = array(100 + i, shape).mul(2 / Math.sqrt(size(shape.slice(1))));
    const last = i === layers.length - 1;
    return last ? [weight, np.zeros([10])] : [weight, np.ones([shape[0]]), np.zeros([shape[0]])];
  });
  let [m, v] = [0, 1].map(() => parameters.map(({ shape }) => np.zeros(shape)));
  const cost = (parameters, x, labels) => {
    let y = x;
    for (let i = 0; i < layers.length - 1; i++) {
      const [weight, gamma, beta] = parameters.slice(3 * i, 3 * i + 3);
      const c = layers[i][0];
      if (windows[i]) {
        const [stride, padding] = windows[i];
        y = normalize(convolve(y, weight, stride, padding), gamma, beta, [0, 2, 3], [1, c, 1, 1]);
      } else {
        if (y.shape.length > 2) y = y.reshape([100, -1]);
        y = normalize(np.matmul(y, weight.transpose()), gamma, beta, [0], [1, c]);
      }
      y = nn.relu(y);
    }
    const [weight, bias] = parameters.slice(-2);
    return crossEntropy(np.matmul(y, weight.transpose()).add(bias), labels, 100);
  };
  const gradients = valueAndGrad(cost);
  const update = jit((parameters, m, v, rates, x, labels) => {
    const [value, of] = gradients(
      parameters.map((weight) => weight.ref),
      x,
      labels,
    );
    const next = parameters.map((weight, i) => adam(weight, m[i], v[i], of[i], rates.ref));
    rates.dispose();
    return [value, ...[0, 1, 2].map((part) => next.map((of) => of[part]))];
  });
  const x = array(1, input).add(0.5);
  const labels = oneHot(100, 10);
  let t = 0;
  const run = async () => {
    let value;
    const rates = adamRates(++t);
    [value, parameters, m, v] = update(parameters, m, v, rates, x.ref, labels.ref);
    await jax.blockUntilReady(parameters);
    return (await value.data())[0];
  };
  return {
    run,
    async outputs() {
      return [await run(), await run(), await run()];
    },
  };
}

/** Inference of a network of bench/works/fold.ts. */
function fold({ layers, input }) {
  let [weights, statistics] = [100, 200];
  const parameters = [array(1, input)];
  const hold = (x) => parameters.push(x) - 1;
  const build = (list) => list.map(layer);
  const scaled = (shape) => array(weights++, shape).mul(2 / Math.sqrt(size(shape.slice(1))));
  const chain = (list, x, all) => list.reduce((y, apply) => apply(y, all), x);
  const layer = (of) => {
    if (of.op === 'residual') {
      const inner = build(of.layers);
      return (x, all) => chain(inner, x.ref, all).add(x);
    }
    if (of.op === 'relu') return (x) => nn.relu(x);
    if (of.op === 'flatten') return (x) => x.reshape([input[0], -1]);
    if (of.op === 'norm') {
      const shape = of.image ? [1, of.channels, 1, 1] : [1, of.channels];
      const [mean, variance] = [
        hold(array(statistics++, shape)),
        hold(array(statistics++, shape).add(1)),
      ];
      return (x, all) =>
        x.sub(all[mean].ref).mul(np.reciprocal(np.sqrt(all[variance].ref.add(1e-5))));
    }
    if (of.op === 'linear') {
      const weight = hold(scaled([of.outputs, of.inputs]));
      return (x, all) => np.matmul(x, all[weight].ref.transpose());
    }
    const { inputs, outputs, kernel, stride, padding, groups } = of;
    const weight = hold(scaled([outputs, inputs / groups, kernel, kernel]));
    return (x, all) => convolve(x, all[weight].ref, stride, padding, groups);
  };
  const apply = build(layers);
  return plain((...all) => {
    const y = chain(apply, all[0].ref, all);
    for (const parameter of all) parameter.dispose();
    return y;
  }, parameters);
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
  loss,
  optim,
  step,
  fold,
};
await serve((item) => drivers[item.group](item.of, item.work));
