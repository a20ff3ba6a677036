/** Which layers of Keras ours become: products, norms, activations, and what moves numbers. */
import { ELU, SELU } from '../../layers/activation/elu.ts';
import { GELU } from '../../layers/activation/gelu.ts';
import { Hardtanh } from '../../layers/activation/hardtanh.ts';
import { PReLU } from '../../layers/activation/prelu.ts';
import { LeakyReLU, ReLU, ReLU6 } from '../../layers/activation/relu.ts';
import { Sigmoid, SiLU } from '../../layers/activation/sigmoid.ts';
import { LogSoftmax, Softmax } from '../../layers/activation/softmax.ts';
import { Mish, Softplus } from '../../layers/activation/softplus.ts';
import { Softsign } from '../../layers/activation/softsign.ts';
import { Tanh } from '../../layers/activation/tanh.ts';
import { Add } from '../../layers/add.ts';
import type { BatchNorm } from '../../layers/batchnorm/base.ts';
import { BatchNorm1d, BatchNorm2d } from '../../layers/batchnorm/batchnorm.ts';
import { Concat } from '../../layers/concat.ts';
import { Dropout, Dropout2d } from '../../layers/dropout.ts';
import { Flatten, Identity, Unflatten } from '../../layers/flatten.ts';
import { Linear } from '../../layers/linear.ts';
import { Multiply } from '../../layers/multiply.ts';
import { LayerNorm } from '../../layers/norm/layernorm.ts';
import { ConstantPad2d, ZeroPad2d } from '../../layers/pad.ts';
import { Permute } from '../../layers/permute.ts';
import type { Parameter } from '../../tensor/parameter.ts';
import { featuresOf, toFirst, toLast, transposed } from '../axes.ts';
import { Rescaling } from '../rescaling.ts';
import { type Out, refuse, type StepOf, type WeightOf } from './writer.ts';

// biome-ignore lint/suspicious/noExplicitAny: each writer says which layer it takes
export type Write = (step: StepOf<any>) => Out;
// biome-ignore lint/suspicious/noExplicitAny: constructors of any arguments
type Class = abstract new (...args: any[]) => object;

/** The values of a parameter or buffer. */
export function valuesOf(entry: Pick<Parameter, 'data'>): Float32Array {
  return entry.data.toArray();
}

/** The same layer of Keras, with the output's shape and order as the input's. */
const simple =
  (className: string, config: (layer: never, step: StepOf<never>) => object = () => ({})): Write =>
  (step) => {
    const { writer, name, x, layer } = step;
    const ref = writer.layer(name, className, config(layer as never, step as never), [x]);
    return { ...x, ref, positive: x.positive === true };
  };

const activation = (word: string): Write => simple('Activation', () => ({ activation: word }));

/** Dense: kernel [in, out], its rows in Keras's order of features. */
function writeLinear({ writer, layer, name, x: given }: StepOf<Linear>): Out {
  const x = writer.ordered(name, given, 'same');
  const { inFeatures, outFeatures, weight, bias } = layer;
  const rows = transposed(valuesOf(weight), [outFeatures, inFeatures], [1, 0]);
  const kernel = new Float32Array(rows.length);
  for (let i = 0; i < inFeatures; i++) {
    const row = rows.subarray(i * outFeatures, (i + 1) * outFeatures);
    kernel.set(row, (x.features?.[i] ?? i) * outFeatures);
  }
  const weights: WeightOf[] = [['kernel', [inFeatures, outFeatures], kernel]];
  if (bias) weights.push(['bias', [outFeatures], valuesOf(bias)]);
  const config = { units: outFeatures, activation: 'linear', use_bias: bias !== undefined };
  const ref = writer.layer(name, 'Dense', config, [x], weights);
  return { ref, shape: [...x.shape.slice(0, -1), outFeatures], order: 'same' };
}

function writeBatchNorm(step: StepOf<BatchNorm>): Out {
  const { writer, layer, name, x: given } = step;
  const { runningMean, runningVar, numFeatures, eps, momentum, weight, bias, channelsLast } = layer;
  if (!runningMean || !runningVar) throw refuse(step, 'no running statistics');
  const x = writer.ordered(name, given, channelsLast ? 'same' : 'moved');
  const own = (label: string, entry: Pick<Parameter, 'data'>): WeightOf => {
    const values = valuesOf(entry);
    const data = new Float32Array(values.length);
    for (const [i, value] of values.entries()) data[x.features?.[i] ?? i] = value;
    return [label, [numFeatures], data];
  };
  const weights = [
    ...(weight ? [own('gamma', weight)] : []),
    ...(bias ? [own('beta', bias)] : []),
    own('moving_mean', runningMean),
    own('moving_variance', runningVar),
  ];
  // Keras has no average of all batches (momentum null); it goes on with its default.
  const decay = momentum === null ? 0.99 : 1 - momentum;
  const config = { axis: -1, momentum: decay, epsilon: eps, center: !!bias, scale: !!weight };
  return {
    ...x,
    ref: writer.layer(name, 'BatchNormalization', config, [x], weights),
    positive: false,
  };
}

function writeLayerNorm({ writer, layer, name, x: given }: StepOf<LayerNorm>): Out {
  const x = writer.ordered(name, given, 'same');
  const { normalizedShape: shape, eps, weight, bias } = layer;
  const axis = shape.map((_, i) => x.shape.length + 1 - shape.length + i);
  const config = { axis, epsilon: eps, center: !!bias, scale: !!weight };
  const weights: WeightOf[] = [];
  if (weight) weights.push(['gamma', shape, valuesOf(weight)]);
  if (bias) weights.push(['beta', shape, valuesOf(bias)]);
  return {
    ...x,
    ref: writer.layer(name, 'LayerNormalization', config, [x], weights),
    positive: false,
  };
}

/** One slope for each channel, or one for all, which Keras has for each channel, too. */
function writePReLU({ writer, layer, name, x: given }: StepOf<PReLU>): Out {
  const x = writer.ordered(name, given, 'moved');
  const channels = x.shape.at(-1)!;
  const values = valuesOf(layer.weight);
  const alpha = Float32Array.from({ length: channels }, (_, i) => values[i % values.length]!);
  const shared = x.shape.slice(0, -1).map((_, i) => i + 1);
  const weights: WeightOf[] = [['alpha', [...shared.map(() => 1), channels], alpha]];
  const ref = writer.layer(name, 'PReLU', { shared_axes: shared }, [x], weights);
  return { ...x, ref, positive: false };
}

/** Softmax along Keras's last axis, which all of its backends have. */
function writeSoftmax(step: StepOf<Softmax | LogSoftmax>): Out {
  const { writer, layer, name, x: given } = step;
  const rank = given.shape.length + 1;
  const dim = layer.dim < 0 ? layer.dim + rank : layer.dim;
  if (dim !== 1 && dim !== rank - 1) throw refuse(step, `axis ${layer.dim}`);
  const x = writer.ordered(name, given, dim === 1 ? 'moved' : 'same');
  const word = layer instanceof Softmax ? 'softmax' : 'log_softmax';
  return {
    ...x,
    ref: writer.layer(name, 'Activation', { activation: word }, [x]),
    positive: false,
  };
}

function writeHardtanh(step: StepOf<Hardtanh>): Out {
  const { minVal, maxVal } = step.layer;
  if (minVal !== 0) throw refuse(step, `minVal ${minVal}, where Keras has 0`);
  return { ...simple('ReLU', () => ({ max_value: maxVal }))(step), positive: true };
}

function writeGELU(step: StepOf<GELU>): Out {
  if (step.layer.approximate === 'tanh')
    throw refuse(step, "approximate 'tanh', which TensorFlow.js does not read");
  return { ...activation('gelu')(step), positive: false };
}

function writeSoftplus(step: StepOf<Softplus>): Out {
  if (step.layer.beta !== 1) throw refuse(step, `beta ${step.layer.beta}`);
  return activation('softplus')(step);
}

function writeLeakyReLU(step: StepOf<LeakyReLU>): Out {
  if (step.layer.threshold !== 0) throw refuse(step, `threshold ${step.layer.threshold}`);
  return {
    ...simple('LeakyReLU', () => ({ alpha: step.layer.negativeSlope }))(step),
    positive: false,
  };
}

const nonNegative =
  (write: Write, positive = true): Write =>
  (step) => ({ ...write(step), positive });

function alike({ writer, name, inputs }: StepOf<object>): Out[] {
  const order = inputs.some((value) => value.order === 'moved') ? 'moved' : 'same';
  return inputs.map((value, i) => writer.ordered(`${name}_${i}`, value, order));
}

const merge =
  (className: string): Write =>
  (step) => {
    const values = alike(step);
    const ref = step.writer.layer(step.name, className, {}, values);
    const { order } = values[0]!;
    return { ref, shape: shapeOf(step, order), order, positive: values.every((v) => v.positive) };
  };

/** The output's shape in Keras's order of axes, without the batch. */
export function shapeOf({ step: { shape } }: StepOf<object>, order: Out['order']): number[] {
  const own = shape.slice(1);
  return order === 'moved' && own.length > 1 ? [...own.slice(1), own[0]!] : [...own];
}

function writeConcat(step: StepOf<Concat>): Out {
  const values = alike(step);
  const [{ order, shape }] = values as [Out];
  const { axis } = step.layer;
  if (axis === 0) throw refuse(step, 'axis 0');
  const at = order === 'same' ? axis : axis === 1 ? shape.length : axis - 1;
  const ref = step.writer.layer(step.name, 'Concatenate', { axis: at }, values);
  let features: Uint32Array | undefined;
  if (values.some((value) => value.features)) {
    let from = 0;
    features = Uint32Array.from(
      values.flatMap((value) => {
        const start = from;
        const length = value.shape[0]!;
        from += length;
        return Array.from({ length }, (_, i) => start + (value.features?.[i] ?? i));
      }),
    );
  }
  return { ref, shape: shapeOf(step, order), order, features };
}

function writeFlatten(step: StepOf<Flatten>): Out {
  const { writer, name, x: given, onlyLinear, step: traced } = step;
  const size = traced.shape[1]!;
  if (traced.shape.length !== 2 || traced.shape[0] !== traced.inputShapes[0]![0]) {
    return writeReshape(step);
  }
  if (given.shape.length === 1) return given;
  const trivial = given.shape.at(-1) === size || given.shape.at(-1) === 1;
  const keeps = given.order === 'same' || trivial || onlyLinear;
  const x = keeps ? given : writer.ordered(name, given, 'same');
  const ref = writer.layer(name, 'Flatten', {}, [x]);
  const features = x.order === 'moved' && !trivial ? featuresOf(x.shape) : undefined;
  return { ref, shape: [size], order: 'same', features, positive: x.positive === true };
}

function writeReshape(step: StepOf<object>): Out {
  const { writer, name, x: given, step: traced } = step;
  if (traced.shape[0] !== traced.inputShapes[0]![0]) throw refuse(step, 'another batch size');
  const x = writer.ordered(name, given, 'same');
  const shape = traced.shape.slice(1);
  const ref = writer.layer(name, 'Reshape', { target_shape: shape }, [x]);
  return { ref, shape, order: 'same', positive: x.positive === true };
}

function writePermute(step: StepOf<Permute>): Out {
  const { writer, layer, name, x: given } = step;
  const { dims } = layer as unknown as { dims: readonly number[] };
  if (dims[0] !== 0) throw refuse(step, 'another place of the batch');
  const rank = dims.length;
  const wanted = [0, ...dims.slice(1)];
  // Between channels in front and channels last Keras may have the order already.
  if (given.order === 'moved' && `${wanted}` === `${toLast(rank)}`)
    return { ...given, order: 'same' };
  if (given.order === 'same' && isToFirst(layer)) return { ...given, order: 'moved' };
  const x = writer.ordered(name, given, 'same');
  const ref = writer.layer(name, 'Permute', { dims: wanted.slice(1) }, [x]);
  return { ...x, ref, shape: shapeOf(step, 'same'), order: 'same' };
}

/** Whether a layer puts channels that were last in front. */
export function isToFirst(layer: object): boolean {
  return permutes(layer, toFirst);
}

/** Whether a layer puts channels that were in front last. */
export function isToLast(layer: object): boolean {
  return permutes(layer, toLast);
}

function permutes(layer: object, order: (rank: number) => number[]): boolean {
  if (!(layer instanceof Permute)) return false;
  const { dims } = layer as unknown as { dims: readonly number[] };
  return dims.length > 2 && `${dims}` === `${order(dims.length)}`;
}

/** Zeros round an image; negative numbers take rows and columns away. */
function writePad(step: StepOf<ConstantPad2d>): Out {
  const { writer, layer, name, x: given } = step;
  const { sides, value } = layer as unknown as { sides: readonly number[]; value: number };
  if (value !== 0) throw refuse(step, `the value ${value}`);
  let x = writer.ordered(name, given, 'moved');
  const [left, right, top, bottom] = sides as [number, number, number, number];
  const pairs = (sign: number): number[][] => {
    const part = (side: number) => Math.max(0, sign * side);
    return [
      [part(top), part(bottom)],
      [part(left), part(right)],
    ];
  };
  const [h, w, c] = x.shape as [number, number, number];
  const crop = pairs(-1);
  if (crop.flat().some((side) => side > 0)) {
    const ref = writer.layer(`${name}_crop`, 'Cropping2D', { cropping: crop }, [x]);
    const [[t, b], [l, r]] = crop as [[number, number], [number, number]];
    x = { ...x, ref, shape: [h - t - b, w - l - r, c] };
  }
  const ref = writer.layer(name, 'ZeroPadding2D', { padding: pairs(1) }, [x]);
  return { ...x, ref, shape: shapeOf(step, 'moved') };
}

function writeRescaling(step: StepOf<Rescaling>): Out {
  const { scale, offset } = step.layer;
  return { ...simple('Rescaling', () => ({ scale, offset }))(step), positive: false };
}

/** Of whole channels, too: TensorFlow.js has no layer for that, and predictions are the same. */
const dropout = simple('Dropout', (layer: Dropout) => ({ rate: layer.p }));

export const LAYERS: readonly (readonly [Class, Write])[] = [
  [Linear, writeLinear],
  [BatchNorm1d, writeBatchNorm],
  [BatchNorm2d, writeBatchNorm],
  [LayerNorm, writeLayerNorm],
  [ReLU, nonNegative(simple('ReLU'))],
  [ReLU6, nonNegative(simple('ReLU', () => ({ max_value: 6 })))],
  [Hardtanh, writeHardtanh],
  [LeakyReLU, writeLeakyReLU],
  [PReLU, writePReLU],
  [
    ELU,
    nonNegative(
      simple('ELU', (layer: ELU) => ({ alpha: layer.alpha })),
      false,
    ),
  ],
  [SELU, nonNegative(activation('selu'), false)],
  [Sigmoid, nonNegative(activation('sigmoid'))],
  [Tanh, activation('tanh')],
  [SiLU, nonNegative(activation('swish'), false)],
  [Mish, nonNegative(activation('mish'), false)],
  [GELU, writeGELU],
  [Softplus, writeSoftplus],
  [Softsign, activation('softsign')],
  [Softmax, writeSoftmax],
  [LogSoftmax, writeSoftmax],
  [Add, merge('Add')],
  [Multiply, merge('Multiply')],
  [Concat, writeConcat],
  [Flatten, writeFlatten],
  [Unflatten, writeReshape],
  [Permute, writePermute],
  [ZeroPad2d, writePad],
  [ConstantPad2d, writePad],
  [Dropout, dropout],
  [Dropout2d, dropout],
  [Identity, ({ x }) => x],
  [Rescaling, writeRescaling],
];
