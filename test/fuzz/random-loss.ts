/** A random loss of a prediction beside its float64 reference. */
import {
  BCELoss,
  BCEWithLogitsLoss,
  CosineEmbeddingLoss,
  CrossEntropyLoss,
  GaussianNLLLoss,
  HuberLoss,
  MSELoss,
  NLLLoss,
  SmoothL1Loss,
  type Tensor,
  TripletMarginLoss,
} from '../../src/index.ts';
import * as losses from '../reference/losses.ts';
import type { TestRandom } from '../support/random.ts';
import { chance, pick } from './choices.ts';
import { sizeOf } from './interpreter/run.ts';
import type { Shape } from './random-layer.ts';

/** A loss with its targets, and what it should give for one prediction. */
interface RandomLoss {
  readonly loss: { dispose(): void };
  forward(y: Tensor): number;
  /** The gradient with respect to that prediction. */
  backward(scale: number): Tensor;
  readonly expected: losses.LossResult;
}

interface Asked {
  readonly random: TestRandom;
  readonly shape: Shape;
  readonly x: Float32Array;
  readonly options: { readonly reduction: 'mean' | 'sum' };
  /** What the terms' sum is divided by, given their number. */
  readonly by: (terms: number) => number;
}

const scaled = ({ loss, gradient }: losses.LossResult, by: number): losses.LossResult => ({
  loss: loss / by,
  gradient: gradient.map((v) => v / by),
});

const input = (data: Float32Array, shape: Shape) => ({ data, shape: [...shape] });

function elementwise({ random, x, options, by }: Asked): RandomLoss {
  const inside = x.every((p) => p >= 0 && p <= 1);
  const kind = pick(random, ['mse', 'huber', 'smoothL1', 'logits', inside ? 'bce' : 'mse']);
  const [loss, term] = {
    mse: () => [new MSELoss(options), losses.mse] as const,
    huber: () => [new HuberLoss(options), losses.huber(1)] as const,
    smoothL1: () => [new SmoothL1Loss({ ...options, beta: 0.5 }), losses.smoothL1(0.5)] as const,
    logits: () => [new BCEWithLogitsLoss(options), losses.bceWithLogits()] as const,
    bce: () => [new BCELoss(options), losses.bce()] as const,
  }[kind as 'mse']();
  const binary = kind === 'logits' || kind === 'bce';
  const target = binary ? random.uniforms(x.length) : random.normals(x.length);
  return {
    loss,
    forward: (y) => loss.forward(y, target) as number,
    backward: (scale) => loss.backward(scale),
    expected: scaled(losses.elementwise(x, target, term), by(x.length)),
  };
}

function ofClasses({ random, shape, x, options, by }: Asked): RandomLoss {
  const dims = [shape[0]!, shape[1]!, x.length / (shape[0]! * shape[1]!)] as const;
  const target = Array.from({ length: dims[0] * dims[2] }, () => random.integer(dims[1]));
  if (chance(random, 0.3)) {
    const loss = new NLLLoss(options);
    return {
      loss,
      forward: (y) => loss.forward(y, target) as number,
      backward: (scale) => loss.backward(scale),
      expected: scaled(losses.nll(x, target, dims), by(target.length)),
    };
  }
  const smoothing = pick(random, [0, 0.1]);
  const loss = new CrossEntropyLoss({ ...options, labelSmoothing: smoothing });
  const { weightSum, ...sum } = losses.crossEntropy(x, target, dims, { smoothing });
  return {
    loss,
    forward: (y) => loss.forward(y, target) as number,
    backward: (scale) => loss.backward(scale),
    expected: scaled(sum, options.reduction === 'mean' ? weightSum : 1),
  };
}

function gaussian({ random, shape, x, options, by }: Asked): RandomLoss {
  const loss = new GaussianNLLLoss(options);
  const variance = random.uniforms(x.length, 0.3, 2);
  const target = random.normals(x.length);
  const terms = Array.from(x, (mean, i) => losses.gaussianNLL(mean, variance[i]!, target[i]!));
  const sum = {
    loss: terms.reduce((all, [value]) => all + value, 0),
    gradient: Float64Array.from(terms, ([, slope]) => slope),
  };
  return {
    loss,
    forward: (y) => loss.forward([y, input(variance, shape)], target) as number,
    backward: (scale) => loss.backward(scale)[0]!,
    expected: scaled(sum, by(x.length)),
  };
}

/** Adds up losses of rows, of which the gradient's part from `place`·width on belongs to the prediction. */
function ofRows(
  { shape, by }: Asked,
  place: number,
  term: (row: number, width: number) => losses.LossResult,
): losses.LossResult {
  const width = shape.at(-1)!;
  const rows = Array.from({ length: sizeOf(shape) / width }, (_, row) => term(row, width));
  const gradients = rows.map(({ gradient }) =>
    Array.from(gradient.slice(place * width, (place + 1) * width)),
  );
  const loss = rows.reduce((all, row) => all + row.loss, 0);
  return scaled({ loss, gradient: Float64Array.from(gradients.flat()) }, by(rows.length));
}

const rowOf = (x: Float32Array, row: number, width: number) =>
  x.slice(row * width, (row + 1) * width);

function cosine(asked: Asked): RandomLoss {
  const { random, shape, x, options } = asked;
  const loss = new CosineEmbeddingLoss({ ...options, margin: 0.2 });
  const other = random.normals(x.length);
  const target = Array.from({ length: shape[0]! }, () => pick(random, [1, -1]));
  const place = random.integer(2);
  return {
    loss,
    forward: (y) => {
      const given = input(other, shape);
      return loss.forward(place === 0 ? [y, given] : [given, y], target) as number;
    },
    backward: (scale) => loss.backward(scale)[place]!,
    expected: ofRows(asked, place, (row, width) => {
      const [own, rest] = [rowOf(x, row, width), rowOf(other, row, width)];
      const [a, b] = place === 0 ? [own, rest] : [rest, own];
      return losses.cosineEmbedding(a, b, target[row]!, 0.2);
    }),
  };
}

function triplet(asked: Asked): RandomLoss {
  const { random, shape, x, options } = asked;
  const loss = new TripletMarginLoss(options);
  const others = [random.normals(x.length), random.normals(x.length)];
  const place = random.integer(3);
  const withOwn = <T>(own: T, others: readonly T[]): [T, T, T] => {
    const list = [...others];
    list.splice(place, 0, own);
    return list as [T, T, T];
  };
  return {
    loss,
    forward: (y) => {
      const given = others.map((data) => input(data, shape));
      return loss.forward(withOwn<Tensor | (typeof given)[0]>(y, given)) as number;
    },
    backward: (scale) => loss.backward(scale)[place]!,
    expected: ofRows(asked, place, (row, width) => {
      const given = others.map((data) => rowOf(data, row, width));
      return losses.tripletMargin(withOwn(rowOf(x, row, width), given));
    }),
  };
}

/** A loss that takes predictions of the shape, and what it gives for `x`. */
export function randomLoss(random: TestRandom, shape: Shape, x: Float32Array): RandomLoss {
  const mean = chance(random, 0.7);
  const asked: Asked = {
    ...{ random, shape, x, options: { reduction: mean ? 'mean' : 'sum' } },
    by: (terms) => (mean ? terms : 1),
  };
  const kinds = [elementwise, elementwise, gaussian, triplet];
  if (shape.length > 1 && shape[1]! > 1) kinds.push(ofClasses, ofClasses);
  if (shape.length === 2) kinds.push(cosine);
  return pick(random, kinds)(asked);
}
