/**
 * Drivers of ONNX Runtime: `node ort.js node|web`, one thread. It runs models; it does not train.
 * Norms without an operator of their own are written with its operators.
 */
import { createRequire } from 'node:module';
import { onnxModel } from './onnx.js';
import { serve, uniform } from './serve.js';

const require = createRequire(new URL('../../build/peers/package.json', import.meta.url));
const kind = process.argv[2];
const ort = require(`onnxruntime-${kind}`);
if (kind === 'web') ort.env.wasm.numThreads = 1;

const size = (shape) => shape.reduce((product, extent) => product * extent, 1);
const constant = (seed, shape) => ({ shape, values: uniform(size(shape), seed) });

/** Runs a model on `inputs`, { shape, values } by name; its first output is the result. */
async function session({ nodes, inputs, outputs, constants }, optimization = 'all') {
  const shapes = Object.fromEntries(
    Object.entries(inputs).map(([name, { shape }]) => [name, shape]),
  );
  const model = onnxModel({ nodes, inputs: shapes, outputs, constants });
  const running = await ort.InferenceSession.create(model, {
    executionProviders: [kind === 'web' ? 'wasm' : 'cpu'],
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    graphOptimizationLevel: optimization,
    logSeverityLevel: 4,
  });
  const feeds = Object.fromEntries(
    Object.entries(inputs).map(([name, { shape, values }]) => [
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

/** A model of one operator; all inputs are fed. */
function operator(op, inputs, outputs, attributes) {
  const node = { op, inputs: Object.keys(inputs), outputs: Object.keys(outputs), attributes };
  return session({ nodes: [node], inputs, outputs });
}

function batchnorm({ layout, n, c, s }, work) {
  const shape = layout === 'rows' ? [n, c] : [n, c, Math.sqrt(s), Math.sqrt(s)];
  const training = work === 'forward';
  const variance = constant(6, [c]);
  return operator(
    'BatchNormalization',
    {
      x: constant(1, shape),
      weight: constant(3, [c]),
      bias: constant(4, [c]),
      mean: constant(5, [c]),
      variance: { ...variance, values: variance.values.map((v) => v + 1) },
    },
    training ? { y: shape, runningMean: [c], runningVar: [c] } : { y: shape },
    { epsilon: 1e-5, training_mode: training ? 1 : 0 },
  );
}

function layernorm({ n, d }, work) {
  const inputs = { x: constant(1, [n, d]), weight: constant(3, [d]) };
  const attributes = { axis: -1, epsilon: 1e-5 };
  if (work === 'RMS forward') {
    return operator('SimplifiedLayerNormalization', inputs, { y: [n, d] }, attributes);
  }
  const all = { ...inputs, bias: constant(4, [d]) };
  return operator('LayerNormalization', all, { y: [n, d] }, attributes);
}

/** Group norm is instance norm of the groups, then a scale and a shift per channel. */
function groupnorm({ n, c, size: edge, groups }) {
  const shape = [n, c, edge, edge];
  const inputs = { x: constant(1, shape) };
  if (groups === c) {
    const all = { ...inputs, weight: constant(3, [c]), bias: constant(4, [c]) };
    return operator('InstanceNormalization', all, { y: shape }, { epsilon: 1e-5 });
  }
  const numbers = (values) => ({
    shape: [values.length],
    values: BigInt64Array.from(values, BigInt),
  });
  return session({
    nodes: [
      { op: 'Reshape', inputs: ['x', 'grouped'], outputs: ['a'] },
      {
        op: 'InstanceNormalization',
        inputs: ['a', 'ones', 'zeros'],
        outputs: ['b'],
        attributes: { epsilon: 1e-5 },
      },
      { op: 'Reshape', inputs: ['b', 'whole'], outputs: ['d'] },
      { op: 'Mul', inputs: ['d', 'weight'], outputs: ['e'] },
      { op: 'Add', inputs: ['e', 'bias'], outputs: ['y'] },
    ],
    inputs,
    outputs: { y: shape },
    constants: {
      grouped: numbers([n, groups, (c / groups) * edge * edge]),
      whole: numbers(shape),
      ones: { shape: [groups], values: new Float32Array(groups).fill(1) },
      zeros: { shape: [groups], values: new Float32Array(groups) },
      weight: constant(3, [c, 1, 1]),
      bias: constant(4, [c, 1, 1]),
    },
  });
}

function localresponsenorm({ n, c, size: edge, window }) {
  const shape = [n, c, edge, edge];
  // Its alpha is divided by the window, as PyTorch's.
  const attributes = { size: window, alpha: 1e-4, beta: 0.75, bias: 1 };
  return operator('LRN', { x: constant(1, shape) }, { y: shape }, attributes);
}

function weightnorm({ rows, cols }) {
  return session({
    nodes: [
      { op: 'ReduceL2', inputs: ['v'], outputs: ['norm'], attributes: { axes: [1], keepdims: 1 } },
      { op: 'Div', inputs: ['g', 'norm'], outputs: ['scale'] },
      { op: 'Mul', inputs: ['v', 'scale'], outputs: ['w'] },
    ],
    inputs: { v: constant(1, [rows, cols]), g: constant(5, [rows, 1]) },
    outputs: { w: [rows, cols] },
  });
}

function gemm({ m, n, k }) {
  return operator('MatMul', { a: constant(1, [m, k]), b: constant(2, [k, n]) }, { y: [m, n] });
}

function conv2d({ n, channels, size: edge, outChannels, kernel, stride, padding, groups, out }) {
  const [before, after] = padding;
  return operator(
    'Conv',
    {
      x: constant(1, [n, channels, edge, edge]),
      weight: constant(3, [outChannels, channels / groups, kernel, kernel]),
    },
    { y: [n, outChannels, out, out] },
    { strides: [stride, stride], pads: [before, before, after, after], group: groups },
  );
}

function activation({ n }, work) {
  const op = { exp: 'Exp', sigmoid: 'Sigmoid', tanh: 'Tanh' }[work];
  const x = uniform(n, 1).map((v) => v * 8);
  return operator(op, { x: { shape: [n], values: x } }, { y: [n] });
}

/** Inference of a network of bench/works/fold.ts; the graph optimizer does the folding. */
function fold({ layers, input }, work) {
  const [nodes, constants] = [[], {}];
  let [weights, statistics, names] = [100, 200, 0];
  const hold = (of) => {
    const name = `c${names++}`;
    constants[name] = of;
    return name;
  };
  const add = (op, inputs, attributes) => {
    const name = `t${names++}`;
    nodes.push({ op, inputs, outputs: [name], attributes });
    return name;
  };
  const scaled = (shape) => {
    const { values } = constant(weights++, shape);
    const bound = 1 / Math.sqrt(size(shape.slice(1)));
    return hold({ shape, values: values.map((u) => 2 * u * bound) });
  };
  const chain = (list, x) => list.reduce((y, layer) => apply(layer, y), x);
  const apply = (layer, x) => {
    if (layer.op === 'residual') return add('Add', [chain(layer.layers, x), x]);
    if (layer.op === 'relu') return add('Relu', [x]);
    if (layer.op === 'flatten') return add('Flatten', [x]);
    if (layer.op === 'norm') {
      const shape = [layer.channels];
      const same = (value) => ({ shape, values: new Float32Array(layer.channels).fill(value) });
      const mean = hold(constant(statistics++, shape));
      const { values } = constant(statistics++, shape);
      const variance = hold({ shape, values: values.map((u) => u + 1) });
      const parameters = [hold(same(1)), hold(same(0)), mean, variance];
      return add('BatchNormalization', [x, ...parameters], { epsilon: 1e-5 });
    }
    const { inputs, outputs } = layer;
    if (layer.op === 'linear') {
      return add('Gemm', [x, scaled([outputs, inputs])], { transB: 1 });
    }
    const { kernel, stride, padding, groups } = layer;
    const [before, after] = padding;
    return add('Conv', [x, scaled([outputs, inputs / groups, kernel, kernel])], {
      strides: [stride, stride],
      pads: [before, before, after, after],
      group: groups,
    });
  };
  const last = chain(layers, 'x');
  const outputs = { [last]: shapeOf(layers, input) };
  const inputs = { x: constant(1, input) };
  return session({ nodes, inputs, outputs, constants }, work === 'folded' ? 'all' : 'disabled');
}

/** What a network of bench/works/fold.ts makes of an input's shape. */
function shapeOf(layers, input) {
  return layers.reduce((shape, layer) => {
    if (layer.op === 'linear') return [shape[0], layer.outputs];
    if (layer.op !== 'conv')
      return layer.op === 'flatten' ? [shape[0], size(shape.slice(1))] : shape;
    const [before, after] = layer.padding;
    const out = Math.floor((shape[2] + before + after - layer.kernel) / layer.stride) + 1;
    return [shape[0], layer.outputs, out, out];
  }, input);
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
  fold,
};
await serve((item) => drivers[item.group](item.of, item.work));
