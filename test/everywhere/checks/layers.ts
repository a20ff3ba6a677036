/** Every layer against PyTorch's answers. */
import {
  AdaptiveAvgPool2d,
  AvgPool2d,
  BatchNorm1d,
  BatchNorm2d,
  BatchNorm3d,
  Conv1d,
  Conv2d,
  ConvTranspose2d,
  CrossEntropyLoss,
  ELU,
  GELU,
  GroupNorm,
  type Input,
  InstanceNorm1d,
  InstanceNorm2d,
  InstanceNorm3d,
  LayerNorm,
  LeakyReLU,
  Linear,
  LogSoftmax,
  MaxPool2d,
  type Module,
  PReLU,
  ReLU,
  ReLU6,
  RMSNorm,
  Sequential,
  Sigmoid,
  SiLU,
  Softmax,
  Tanh,
  Tensor,
  Upsample,
} from 'evenkeel';
import { ResNet18 } from '../../../examples/networks/resnet.ts';
import type { Tolerance } from '../../support/difference.ts';
import { hashed } from '../../support/hashed.ts';
import type { GoldenCase } from '../../support/stored.ts';
import { setWeights } from '../../support/weights.ts';
import { type Check, casesOf, close, equal } from './check.ts';
import { localresponsenorm, spectralnorm, variant, weightnorm } from './norms.ts';

const PRODUCT = { rtol: 1e-6, scaled: 2e-6 };
const SUMS = { scaled: 2e-6, atol: 2e-6 };
const CURVE = { rtol: 4e-6, atol: 2e-6 };
const MIXED = { rtol: 1e-5, scaled: 2e-6 };

/** Forward, backward and the gradients of weight and bias. */
function compare(layer: Module, golden: GoldenCase, tolerance: Tolerance): void {
  const output = layer.forward(golden.x as Input);
  equal(output.shape, golden.y.shape, 'shape');
  close(output.toArray(), golden.y.data, tolerance, 'y');
  if (!golden.dy) return; // ONNX's cases go forward only
  close(layer.backward(golden.dy).toArray(), golden.dx.data, tolerance, 'dx');
  const gradients = { weight: golden.dWeight ?? golden.dweight, bias: golden.dBias };
  for (const [name, parameter] of layer.namedParameters()) {
    const expected = gradients[name as 'weight' | 'bias'].data;
    close(parameter.grad!.toArray(), expected, tolerance, `gradient of ${name}`);
  }
  layer.dispose();
}

function weighted(layer: Module, { weight, bias }: GoldenCase): Module {
  layer.loadStateDict({ ...(weight && { weight }), ...(bias && { bias }) });
  return layer;
}

const ACTIVATIONS: Record<string, (golden: GoldenCase) => Module> = {
  relu: () => new ReLU(),
  relu6: () => new ReLU6(),
  sigmoid: () => new Sigmoid(),
  tanh: () => new Tanh(),
  gelu: () => new GELU(),
  geluTanh: () => new GELU({ approximate: 'tanh' }),
  silu: () => new SiLU(),
  leakyRelu: ({ parameter }) => new LeakyReLU(parameter),
  elu: ({ parameter }) => new ELU(parameter),
  prelu: (golden) => weighted(new PReLU(golden.weight.shape[0]), golden),
};

/** Each file of goldens, and how a case of it is compared. */
const COMPARISONS: Record<string, (golden: GoldenCase) => void> = {
  linear(golden) {
    const [outFeatures, inFeatures] = golden.weight.shape;
    const layer = new Linear(inFeatures, outFeatures, { bias: golden.bias !== null });
    compare(weighted(layer, golden), golden, PRODUCT);
  },
  conv(golden) {
    const { kind, kernel, options, x, weight } = golden;
    const [channels, out] = [x.shape[1], weight.shape[0]];
    const Kind = kind === 'Conv2d' ? Conv2d : Conv1d;
    compare(weighted(new Kind(channels, out, kernel, options), golden), golden, PRODUCT);
  },
  convtranspose(golden) {
    const { out, kernel, options, x } = golden;
    const layer = new ConvTranspose2d(x.shape[1], out, kernel, options);
    compare(weighted(layer, golden), golden, PRODUCT);
  },
  batchnorm,
  layernorm(golden) {
    const { normalized, eps, weight } = golden;
    const layer = new LayerNorm(normalized, { eps, elementwiseAffine: weight !== null });
    compare(weighted(layer, golden), golden, SUMS);
  },
  rmsnorm(golden) {
    const { normalized, eps, weight } = golden;
    const layer = new RMSNorm(normalized, { eps, elementwiseAffine: weight !== null });
    compare(weighted(layer, golden), golden, SUMS);
  },
  groupnorm,
  'batchnorm-variants': variant,
  weightnorm,
  spectralnorm,
  localresponsenorm,
  activation: (golden) => compare(ACTIVATIONS[golden.name]!(golden), golden, CURVE),
  softmax({ log, dim, ...golden }) {
    compare(new (log ? LogSoftmax : Softmax)(dim), golden, CURVE);
  },
  pool({ op, options, ...golden }) {
    const given = {
      stride: options.stride,
      padding: options.padding,
      dilation: options.dilation,
      ceilMode: options.ceil_mode,
      countIncludePad: options.count_include_pad,
    };
    const layer =
      op === 'adaptive_avg_pool2d'
        ? new AdaptiveAvgPool2d(options.output_size)
        : new (op === 'max_pool2d' ? MaxPool2d : AvgPool2d)(options.kernel_size, given);
    compare(layer, golden, SUMS);
  },
  upsample({ options, ...golden }) {
    const { scale_factor: scaleFactor, size, mode, align_corners: alignCorners } = options;
    compare(new Upsample({ scaleFactor, size, mode, alignCorners }), golden, MIXED);
  },
  resnet,
};

function batchnorm({ eps, momentum, weight, bias, relu, ...golden }: GoldenCase): void {
  const { shape } = golden.steps[0].x;
  const Kind = [BatchNorm1d, BatchNorm1d, BatchNorm2d, BatchNorm3d][shape.length - 2]!;
  const bn = new Kind(shape[1], { eps, momentum, affine: weight !== null });
  const model = relu ? new Sequential(bn, new ReLU()) : new Sequential(bn);
  bn.loadStateDict({
    ...(weight ? { weight, bias } : {}),
    running_mean: golden.runningMean,
    running_var: golden.runningVar,
    num_batches_tracked: Tensor.from(0),
  });
  for (const step of golden.steps) {
    model.train(step.mode === 'train');
    close(model.forward(step.x).toArray(), step.y.data, { scaled: 2e-6 }, 'y');
    for (const parameter of bn.parameters()) parameter.zeroGrad();
    close(model.backward(step.dy).toArray(), step.dx.data, SUMS, 'dx');
    if (weight) {
      close(bn.weight!.grad!.toArray(), step.dWeight.data, SUMS, 'dWeight');
      close(bn.bias!.grad!.toArray(), step.dBias.data, SUMS, 'dBias');
    }
    const state = bn.stateDict();
    const running = { rtol: 2e-6, atol: 2e-7 };
    close(state.running_mean!.toArray(), step.runningMean.data, running, 'mean');
    close(state.running_var!.toArray(), step.runningVar.data, running, 'variance');
    equal(state.num_batches_tracked!.item(), step.batches, 'batches');
  }
  model.dispose();
}

function groupnorm({ kind, groups, eps, momentum, track, weight, bias, steps }: GoldenCase): void {
  const { shape } = steps[0].x;
  const affine = weight !== null;
  const Instance = [InstanceNorm1d, InstanceNorm2d, InstanceNorm3d][shape.length - 3]!;
  const norm =
    kind === 'group'
      ? new GroupNorm(groups, shape[1], { eps, affine })
      : new Instance(shape[1], { eps, momentum, affine, trackRunningStats: track });
  if (affine) norm.loadStateDict({ weight, bias }, { strict: !track });
  for (const step of steps) {
    norm.train(step.mode === 'train');
    close(norm.forward(step.x).toArray(), step.y.data, { scaled: 2e-6 }, 'y');
    if (!step.dy) continue; // ONNX's cases go forward only
    for (const parameter of norm.parameters()) parameter.zeroGrad();
    close(norm.backward(step.dy).toArray(), step.dx.data, SUMS, 'dx');
    if (affine) {
      close(norm.weight!.grad!.toArray(), step.dWeight.data, SUMS, 'dWeight');
      close(norm.bias!.grad!.toArray(), step.dBias.data, SUMS, 'dBias');
    }
  }
  norm.dispose();
}

function resnet({ logits, loss: value, gradients, running, evaluated }: GoldenCase): void {
  const shape = [4, 3, 40, 36];
  const inputs = { data: hashed(1000, 4 * 3 * 40 * 36).map((u) => u * 2 - 1), shape };
  const model = new ResNet18(5, [4, 6, 8, 10]);
  setWeights(model);
  const loss = new CrossEntropyLoss();
  const y = model.forward(inputs);
  close(y.toArray(), logits.data, { scaled: 1e-5 }, 'logits');
  close([loss.forward(y, [0, 3, 4, 1])], [value], { rtol: 1e-6 }, 'loss');
  model.backward(loss.backward());
  for (const [name, parameter] of model.namedParameters()) {
    const expected = gradients[name].data;
    close(parameter.grad!.toArray(), expected, { scaled: 1e-4 }, `gradient of ${name}`);
  }
  const state = model.stateDict();
  for (const name of Object.keys(running)) {
    close(state[name]!.toArray(), running[name].data, { rtol: 1e-4, atol: 1e-6 }, name);
  }
  close(model.predict(inputs).toArray(), evaluated.data, { scaled: 1e-5 }, 'evaluation');
  model.dispose();
  loss.dispose();
}

export function layers(): Check[] {
  return Object.entries(COMPARISONS).flatMap(([file, comparison]) =>
    casesOf(file).map((golden, i): Check => [`${file} ${i}`, () => comparison(golden)]),
  );
}
