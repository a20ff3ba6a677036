/**
 * First values of weights. Fans are PyTorch's: a weight [out, in, …kernel] has fan_in = in·|kernel| and
 * fan_out = out·|kernel|.
 */
import { checkNumber, type Shape, shapeText, sizeOf } from './check.ts';
import type { Parameter } from './parameter.ts';
import { defaultGenerator, type Generator } from './random.ts';

/** Writes a parameter's first values. */
export type Initializer = (parameter: Parameter, generator: Generator) => void;

/**
 * How a layer's weight starts. By name:
 * - `'default'`: PyTorch's for Linear and Conv, weight and bias U(±1/√fan_in);
 * - `'he'`, `'heUniform'`: for ReLU, N(0, 2/fan_in) or the uniform of that variance;
 * - `'xavier'`, `'xavierNormal'`: for tanh and sigmoid, the uniform or normal of variance
 *   2/(fan_in + fan_out);
 * - `'truncatedNormal'`: N(0, 0.02²) cut at two standard deviations;
 * - `'orthogonal'`, `'zeros'`, `'ones'`.
 *
 * With any but `'default'` the bias starts at zero.
 */
export type Init = keyof typeof named | Initializer;

export type Nonlinearity = 'linear' | 'sigmoid' | 'tanh' | 'relu' | 'leakyRelu' | 'selu';

export interface KaimingOptions {
  /** Negative slope of the leaky ReLU behind the weight. Default 0. */
  a?: number;
  /** Which variance is kept: the forward signal's (`'fanIn'`, default) or the gradient's. */
  mode?: 'fanIn' | 'fanOut';
  /** Default `'leakyRelu'`, which with a = 0 is ReLU. */
  nonlinearity?: Nonlinearity;
  generator?: Generator;
}

export interface GainOptions {
  /** Default 1. */
  gain?: number;
  generator?: Generator;
}

const named = {
  default: (p: Parameter, generator: Generator) =>
    kaimingUniform(p, { a: Math.sqrt(5), generator }),
  he: (p: Parameter, generator: Generator) => kaimingNormal(p, { generator }),
  heUniform: (p: Parameter, generator: Generator) => kaimingUniform(p, { generator }),
  xavier: (p: Parameter, generator: Generator) => xavierUniform(p, { generator }),
  xavierNormal: (p: Parameter, generator: Generator) => xavierNormal(p, { generator }),
  truncatedNormal: (p: Parameter, generator: Generator) => truncatedNormal(p, { generator }),
  orthogonal: (p: Parameter, generator: Generator) => orthogonal(p, { generator }),
  zeros: (p: Parameter) => zeros(p),
  ones: (p: Parameter) => ones(p),
};

/**
 * First values of a Linear's or Conv's weight and bias; see {@link Init}.
 *
 * @throws TypeError for an unknown name
 */
export function initialize(
  weight: Parameter,
  bias: Parameter | undefined,
  init: Init = 'default',
  generator: Generator = defaultGenerator,
): void {
  const initializer = typeof init === 'function' ? init : named[init];
  if (!initializer || (typeof init === 'string' && !Object.hasOwn(named, init))) {
    throw new TypeError(
      `init: expected a function or one of ${Object.keys(named).join(', ')}, got ${String(init)}`,
    );
  }
  initializer(weight, generator);
  if (!bias) return;
  if (init === 'default') {
    const bound = 1 / Math.sqrt(fans(weight.shape).fanIn);
    uniform(bias, -bound, bound, generator);
  } else {
    zeros(bias);
  }
}

/** fan_in and fan_out of a weight [out, in, …kernel]. */
export function fans(shape: Shape): { fanIn: number; fanOut: number } {
  if (shape.length < 2) {
    throw new RangeError(`init: fans expected a shape [out, in, …], got ${shapeText(shape)}`);
  }
  const [out, into, ...kernel] = shape as [number, number, ...number[]];
  const field = sizeOf(kernel);
  return { fanIn: into * field, fanOut: out * field };
}

/** The factor that a nonlinearity asks of a weight's standard deviation (PyTorch's `calculate_gain`). */
export function gain(nonlinearity: Nonlinearity, a = 0): number {
  switch (nonlinearity) {
    case 'linear':
    case 'sigmoid':
      return 1;
    case 'tanh':
      return 5 / 3;
    case 'relu':
      return Math.sqrt(2);
    case 'leakyRelu':
      return Math.sqrt(2 / (1 + a * a));
    case 'selu':
      return 3 / 4;
    default:
      throw new TypeError(`init: unknown nonlinearity ${String(nonlinearity)}`);
  }
}

/** Every entry = `value`. */
export function constant(parameter: Parameter, value: number): void {
  parameter.data.view().fill(value);
  parameter.version++;
}

export function zeros(parameter: Parameter): void {
  constant(parameter, 0);
}

export function ones(parameter: Parameter): void {
  constant(parameter, 1);
}

/** Every entry uniform in [low, high). */
export function uniform(
  parameter: Parameter,
  low = 0,
  high = 1,
  generator: Generator = defaultGenerator,
): void {
  generator.uniform(parameter.data.place!, low, high);
  parameter.version++;
}

/** Every entry normal with this mean and standard deviation. */
export function normal(
  parameter: Parameter,
  mean = 0,
  sd = 1,
  generator: Generator = defaultGenerator,
): void {
  generator.normal(parameter.data.place!, mean, sd);
  parameter.version++;
}

/**
 * Normal values, redrawn where they fall more than two standard deviations from the mean. `std` is that
 * of the normal before the cut; the result's is 0.88 of it.
 *
 * @param options `mean` 0, `std` 0.02
 */
export function truncatedNormal(
  parameter: Parameter,
  {
    mean = 0,
    std = 0.02,
    generator = defaultGenerator,
  }: { mean?: number; std?: number; generator?: Generator } = {},
): void {
  checkNumber('truncatedNormal', 'std', std, 0);
  generator.truncatedNormal(parameter.data.place!, mean, std);
  parameter.version++;
}

/**
 * U(±√3·gain/√fan): the initialisation of He et al., "Delving deep into rectifiers" (2015).
 */
export function kaimingUniform(parameter: Parameter, options: KaimingOptions = {}): void {
  const bound = Math.sqrt(3) * kaimingSd(parameter.shape, options);
  uniform(parameter, -bound, bound, options.generator);
}

/** N(0, gain²/fan): the normal one of He et al. (2015). */
export function kaimingNormal(parameter: Parameter, options: KaimingOptions = {}): void {
  normal(parameter, 0, kaimingSd(parameter.shape, options), options.generator);
}

/** U(±gain·√(6/(fan_in + fan_out))): the initialisation of Glorot and Bengio (2010). */
export function xavierUniform(parameter: Parameter, options: GainOptions = {}): void {
  const bound = Math.sqrt(3) * xavierSd(parameter.shape, options);
  uniform(parameter, -bound, bound, options.generator);
}

/** N(0, 2·gain²/(fan_in + fan_out)): the normal one of Glorot and Bengio (2010). */
export function xavierNormal(parameter: Parameter, options: GainOptions = {}): void {
  normal(parameter, 0, xavierSd(parameter.shape, options), options.generator);
}

function kaimingSd(
  shape: Shape,
  { a = 0, mode = 'fanIn', nonlinearity = 'leakyRelu' }: KaimingOptions,
): number {
  const { fanIn, fanOut } = fans(shape);
  return gain(nonlinearity, a) / Math.sqrt(mode === 'fanOut' ? fanOut : fanIn);
}

function xavierSd(shape: Shape, options: GainOptions): number {
  const { fanIn, fanOut } = fans(shape);
  return (options.gain ?? 1) * Math.sqrt(2 / (fanIn + fanOut));
}

/**
 * gain·Q with Q from the QR decomposition of a normal matrix, R's diagonal positive (Saxe et al. 2013):
 * the weight as a matrix [out, in·|kernel|] gets orthonormal rows, or columns where it is tall.
 */
export function orthogonal(parameter: Parameter, options: GainOptions = {}): void {
  normal(parameter, 0, 1, options.generator);
  const values = parameter.data.view();
  const rows = parameter.shape[0]!;
  const columns = parameter.size / rows;
  // The vectors to make orthonormal are the rows, or where there are more rows the columns.
  const wide = rows <= columns;
  const [count, length] = wide ? [rows, columns] : [columns, rows];
  const [step, stride] = wide ? [columns, 1] : [1, columns];
  const basis = Array.from({ length: count }, (_, i) =>
    Float64Array.from({ length }, (_, j) => values[i * step + j * stride]!),
  );
  for (let i = 0; i < count; i++) {
    const v = basis[i]!;
    // Gram–Schmidt twice: the second round removes what rounding left of the first.
    for (let round = 0; round < 2; round++) {
      for (let k = 0; k < i; k++) {
        const u = basis[k]!;
        const along = dot(u, v);
        for (let j = 0; j < length; j++) v[j]! -= along * u[j]!;
      }
    }
    const scale = 1 / Math.sqrt(dot(v, v));
    for (let j = 0; j < length; j++) v[j]! *= scale;
  }
  const factor = options.gain ?? 1;
  for (let i = 0; i < count; i++) {
    for (let j = 0; j < length; j++) values[i * step + j * stride] = factor * basis[i]![j]!;
  }
  parameter.version++;
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}
