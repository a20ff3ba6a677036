/** Random losses: their options, predictions and targets. */
import type { TestRandom } from '../../support/random.ts';
import { chance, pick, some } from '../choices.ts';
import type { Shape } from '../random-layer.ts';
import { randomShape } from '../random-net.ts';

/** Float32 numbers as base64, little-endian: JSON's text has no NaN and no −0. */
export interface Stored {
  readonly shape: Shape;
  readonly f32: string;
  /** Whether they are classes. */
  readonly labels?: boolean;
}

export interface LossSpec {
  readonly kind: string;
  readonly options: Readonly<Record<string, unknown>>;
}

export interface LossCase {
  readonly type: 'loss';
  readonly loss: LossSpec;
  readonly x: Stored;
  /** The other predictions of a loss of several. */
  readonly others?: readonly Stored[];
  /** Absent for a loss without one. */
  readonly target?: Stored;
  readonly scale: number;
}

export function stored(values: ArrayLike<number>, shape: Shape): Stored {
  return { shape, f32: Buffer.from(Float32Array.from(values).buffer).toString('base64') };
}

export const sizeOf = (shape: Shape) => shape.reduce((a, b) => a * b, 1);

export function lossCase(random: TestRandom): LossCase {
  const shape = randomShape(random, [1, 2, 2, 3, 4]);
  const prediction = shape.length === 1 ? [shape[0]!] : shape;
  const scale = pick(random, [1, 0.25, 3]);
  if (chance(random, 0.4)) return { ...severalCase(random, prediction), scale };
  const { spec, target } = lossFor(random, prediction);
  const x = stored(random.normals(sizeOf(prediction), 0, pick(random, [1, 5, 30])), prediction);
  return { type: 'loss', loss: spec, x, target: target(), scale };
}

/** Losses of several predictions, and of probabilities. */
function severalCase(random: TestRandom, shape: Shape): Omit<LossCase, 'scale'> {
  const kind = pick(random, [
    'BCELoss',
    'GaussianNLLLoss',
    'TripletMarginLoss',
    ...(shape.length <= 2 ? ['CosineEmbeddingLoss'] : []),
  ]);
  const size = sizeOf(shape);
  const normal = () => stored(random.normals(size), shape);
  const reduction = some(random, { reduction: pick(random, ['mean', 'sum']) });
  const of = (options: object, rest: Pick<LossCase, 'x' | 'others' | 'target'>) =>
    ({ type: 'loss', loss: { kind, options: { ...reduction, ...options } }, ...rest }) as const;
  switch (kind) {
    case 'BCELoss': {
      const last = shape.at(-1)!;
      const weight = stored(random.uniforms(last, 0.2, 2), [last]);
      const inside = stored(random.uniforms(size, 0.01, 0.99), shape);
      const target = stored(random.uniforms(size), shape);
      return of(some(random, { weight }), { x: inside, target });
    }
    case 'GaussianNLLLoss': {
      const each = shape.length > 1 ? pick(random, [shape, [...shape.slice(0, -1), 1]]) : shape;
      const variance = stored(random.uniforms(sizeOf(each), 0.05, 3), each);
      const options = some(random, { full: chance(random, 0.5), eps: 0.1 });
      return of(options, { x: normal(), others: [variance], target: normal() });
    }
    case 'TripletMarginLoss': {
      const own = { margin: 0.5, p: pick(random, [1, 3, 1.5]), swap: chance(random, 0.5) };
      return of(some(random, own), { x: normal(), others: [normal(), normal()] });
    }
    default: {
      const pairs = shape.slice(0, -1);
      const signs = Array.from({ length: sizeOf(pairs) }, () => pick(random, [1, -1]));
      const options = some(random, { margin: pick(random, [-0.5, 0.3]) });
      return of(options, { x: normal(), others: [normal()], target: stored(signs, pairs) });
    }
  }
}

/** A loss for predictions of a shape, and its random targets. */
export function lossFor(
  random: TestRandom,
  shape: Shape,
): { spec: LossSpec; target: () => Stored } {
  const size = sizeOf(shape);
  const classes = shape[1] ?? 1;
  const kinds = [
    ...['MSELoss', 'L1Loss', 'HuberLoss', 'SmoothL1Loss', 'BCEWithLogitsLoss', 'KLDivLoss'],
    ...(classes > 1 ? ['CrossEntropyLoss', 'CrossEntropyLoss', 'CrossEntropyLoss', 'NLLLoss'] : []),
  ];
  const kind = pick(random, kinds);
  const reduction = some(random, { reduction: pick(random, ['mean', 'sum']) });
  const positive = (n: number, own: Shape) => stored(random.uniforms(n, 0.2, 2), own);
  switch (kind) {
    case 'NLLLoss':
    case 'CrossEntropyLoss': {
      const logits = kind === 'CrossEntropyLoss';
      const soft = logits && chance(random, 0.3);
      const ignoreIndex = !soft && chance(random, 0.4) ? pick(random, [-100, 0, -1]) : undefined;
      const weight = chance(random, 0.4) ? { weight: positive(classes, [classes]) } : {};
      const options = {
        ...reduction,
        ...weight,
        ...(logits && some(random, { labelSmoothing: pick(random, [0, 0.1, 0.5]) })),
        ...(ignoreIndex !== undefined && { ignoreIndex }),
      };
      const positions = [shape[0]!, ...shape.slice(2)];
      return {
        spec: { kind, options },
        target: () => {
          if (soft) return stored(random.uniforms(size), shape);
          const labels = Array.from({ length: sizeOf(positions) }, (_, i) =>
            ignoreIndex !== undefined && i > 0 && chance(random, 0.3)
              ? ignoreIndex
              : i === 0 && ignoreIndex === 0
                ? 1 // a mean over nothing is NaN
                : random.integer(classes),
          );
          return { ...stored(labels, positions), labels: true };
        },
      };
    }
    case 'HuberLoss':
      return {
        spec: {
          kind,
          options: { ...reduction, ...some(random, { delta: pick(random, [0.3, 2]) }) },
        },
        target: () => stored(random.normals(size), shape),
      };
    case 'SmoothL1Loss':
      return {
        spec: {
          kind,
          options: { ...reduction, ...some(random, { beta: pick(random, [0, 0.3, 2]) }) },
        },
        target: () => stored(random.normals(size), shape),
      };
    case 'BCEWithLogitsLoss': {
      const last = shape.at(-1)!;
      const options = {
        ...reduction,
        ...some(random, { weight: positive(last, [last]), posWeight: positive(last, [last]) }),
      };
      return { spec: { kind, options }, target: () => stored(random.uniforms(size), shape) };
    }
    case 'KLDivLoss': {
      const logTarget = chance(random, 0.5);
      const reductions = { reduction: pick(random, ['mean', 'sum', 'batchMean']) };
      return {
        spec: { kind, options: { ...some(random, reductions), ...some(random, { logTarget }) } },
        target: () =>
          stored(
            random.uniforms(size).map((p, i) => (i % 5 === 1 ? 0 : p)),
            shape,
          ),
      };
    }
    default:
      return {
        spec: { kind, options: reduction },
        target: () => stored(random.normals(size), shape),
      };
  }
}
