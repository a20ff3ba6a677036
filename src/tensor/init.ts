/**
 * Weight initialization. Fan-in and fan-out are defined as in PyTorch: a weight [out, in, …kernel] has
 * fan_in = in·|kernel| and fan_out = out·|kernel|, where |kernel| is the number of taps.
 */
import { checkNumber } from './check.ts';
import { checkInstance, type Filled, optionsOf } from './options.ts';
import { Parameter } from './parameter.ts';
import { defaultGenerator, Generator } from './random.ts';
import { ownShape, type Shape, shapeText, sizeOf } from './shape.ts';

/** A function that writes a parameter's initial values. */
export type Initializer = (parameter: Parameter, generator: Generator) => void;

/**
 * How a layer's weight is initialized: a function, or one of these names.
 * - `'default'`: PyTorch's default for Linear and Conv. Weight and bias are drawn from U(±1/√fan_in).
 * - `'he'`, `'heUniform'`: for layers followed by ReLU. N(0, 2/fan_in), or the uniform distribution with
 *   that variance.
 * - `'xavier'`, `'xavierNormal'`: for tanh and sigmoid. The uniform or normal distribution with variance
 *   2/(fan_in + fan_out).
 * - `'truncatedNormal'`: N(0, 0.02²), truncated at two standard deviations.
 * - `'orthogonal'`, `'zeros'`, `'ones'`.
 *
 * The bias is initialized to zero, except with `'default'`.
 */
export type Init = keyof typeof named | Initializer;

export type Nonlinearity = 'linear' | 'sigmoid' | 'tanh' | 'relu' | 'leakyRelu' | 'selu';

export interface KaimingOptions {
  /** Negative slope of the leaky ReLU that follows the layer. Default 0. */
  a?: number;
  /**
   * Which variance stays constant from layer to layer: that of the activations (`'fanIn'`, the default)
   * or that of the gradients (`'fanOut'`).
   */
  mode?: 'fanIn' | 'fanOut';
  /** Default `'leakyRelu'`, which is ReLU if a = 0. */
  nonlinearity?: Nonlinearity;
  generator?: Generator;
}

export interface GainOptions {
  /** Default 1. */
  gain?: number;
  generator?: Generator;
}

/** The options, as `optionsOf` takes them. */
const GAIN = { gain: 1, generator: undefined };
const KAIMING = {
  a: 0,
  mode: ['fanIn', 'fanOut'],
  nonlinearity: 'leakyRelu',
  generator: undefined,
} as const;

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
 * Initializes the weight and bias of a Linear or Conv; see {@link Init}.
 *
 * @throws TypeError if `init` is neither a function nor a known name
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

/**
 * fan_in and fan_out of a weight [out, in, …kernel].
 *
 * @throws RangeError if the shape has fewer than two axes
 */
export function fans(shape: Shape): { fanIn: number; fanOut: number } {
  ownShape('init.fans', shape);
  if (shape.length < 2) {
    throw new RangeError(`init: fans expected a shape [out, in, …], got ${shapeText(shape)}`);
  }
  const [out, into, ...kernel] = shape as [number, number, ...number[]];
  const taps = sizeOf(kernel);
  return { fanIn: into * taps, fanOut: out * taps };
}

/**
 * The factor by which a weight's standard deviation is multiplied to make up for the nonlinearity that
 * follows the layer (PyTorch's `calculate_gain`).
 *
 * @param a negative slope of `'leakyRelu'`, default 0
 * @throws TypeError if the nonlinearity is unknown
 */
export function gain(nonlinearity: Nonlinearity, a = 0): number {
  checkNumber('init.gain', 'a', a);
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
      throw new TypeError(
        'init: nonlinearity expected linear, sigmoid, tanh, relu, leakyRelu or selu, got ' +
          String(nonlinearity),
      );
  }
}

/** Sets every element to `value`. */
export function constant(parameter: Parameter, value: number): void {
  checkInstance('init: parameter', parameter, Parameter, 'a Parameter');
  checkNumber('init.constant', 'value', value);
  parameter.data.view().fill(value);
  parameter.version++;
}

/** Sets every element to 0. */
export function zeros(parameter: Parameter): void {
  constant(parameter, 0);
}

/** Sets every element to 1. */
export function ones(parameter: Parameter): void {
  constant(parameter, 1);
}

/** Draws every element from the uniform distribution on [low, high). */
export function uniform(
  parameter: Parameter,
  low = 0,
  high = 1,
  generator: Generator = defaultGenerator,
): void {
  draw('uniform', parameter, { low, high }, generator);
}

/** Draws every element from the normal distribution with this mean and standard deviation. */
export function normal(
  parameter: Parameter,
  mean = 0,
  sd = 1,
  generator: Generator = defaultGenerator,
): void {
  draw('normal', parameter, { mean, sd }, generator);
}

/**
 * Draws every element from a normal distribution truncated at two standard deviations from the mean.
 * `std` is the standard deviation before truncation; that of the result is 0.88·std.
 *
 * @param options defaults: `mean` 0, `std` 0.02
 * @throws RangeError if `std` is negative
 */
export function truncatedNormal(
  parameter: Parameter,
  ...rest: [options?: { mean?: number; std?: number; generator?: Generator } | undefined]
): void {
  const table = { mean: 0, std: 0.02, generator: defaultGenerator };
  const { mean, std, generator } = optionsOf('init.truncatedNormal', rest, table);
  checkNumber('init.truncatedNormal', 'std', std, 0);
  draw('truncatedNormal', parameter, { mean, std }, generator);
}

/** U(±√3·gain/√fan): the initialization of He et al., "Delving deep into rectifiers" (2015). */
export function kaimingUniform(
  parameter: Parameter,
  ...rest: [options?: KaimingOptions | undefined]
): void {
  const options = optionsOf('init.kaimingUniform', rest, KAIMING);
  const bound = Math.sqrt(3) * kaimingSd(parameter?.shape, options);
  uniform(parameter, -bound, bound, options.generator);
}

/** N(0, gain²/fan): the normal initialization of He et al. (2015). */
export function kaimingNormal(
  parameter: Parameter,
  ...rest: [options?: KaimingOptions | undefined]
): void {
  const options = optionsOf('init.kaimingNormal', rest, KAIMING);
  normal(parameter, 0, kaimingSd(parameter?.shape, options), options.generator);
}

/** U(±gain·√(6/(fan_in + fan_out))): the initialization of Glorot and Bengio (2010). */
export function xavierUniform(
  parameter: Parameter,
  ...rest: [options?: GainOptions | undefined]
): void {
  const options = optionsOf('init.xavierUniform', rest, GAIN);
  const bound = Math.sqrt(3) * xavierSd(parameter?.shape, options);
  uniform(parameter, -bound, bound, options.generator);
}

/** N(0, 2·gain²/(fan_in + fan_out)): the normal initialization of Glorot and Bengio (2010). */
export function xavierNormal(
  parameter: Parameter,
  ...rest: [options?: GainOptions | undefined]
): void {
  const options = optionsOf('init.xavierNormal', rest, GAIN);
  normal(parameter, 0, xavierSd(parameter?.shape, options), options.generator);
}

function kaimingSd(
  shape: Shape,
  { a, mode, nonlinearity }: Filled<KaimingOptions, typeof KAIMING>,
): number {
  const { fanIn, fanOut } = fans(shape);
  return gain(nonlinearity, a) / Math.sqrt(mode === 'fanOut' ? fanOut : fanIn);
}

function xavierSd(shape: Shape, { gain }: Filled<GainOptions, typeof GAIN>): number {
  const { fanIn, fanOut } = fans(shape);
  return gain * Math.sqrt(2 / (fanIn + fanOut));
}

/**
 * Draws every element from a distribution that these two numbers describe.
 *
 * @throws TypeError or RangeError for arguments of another kind, before anything is drawn
 */
function draw(
  how: 'uniform' | 'normal' | 'truncatedNormal',
  parameter: Parameter,
  numbers: Readonly<Record<string, number>>,
  generator: Generator,
): void {
  checkInstance('init: parameter', parameter, Parameter, 'a Parameter');
  checkInstance(`init.${how}: generator`, generator, Generator, 'a Generator');
  for (const [name, value] of Object.entries(numbers)) checkNumber(`init.${how}`, name, value);
  const [a, b] = Object.values(numbers);
  generator.fill(how, parameter.data.place!, a!, b!);
  parameter.version++;
}

/**
 * Orthogonal initialization (Saxe et al., 2013): the weight becomes gain·Q, where Q comes from the QR
 * decomposition of a matrix of normal values, with a positive diagonal in R. Seen as a matrix
 * [out, in·|kernel|], Q has orthonormal rows, or orthonormal columns if it has more rows than columns.
 */
export function orthogonal(
  parameter: Parameter,
  ...rest: [options?: GainOptions | undefined]
): void {
  const { gain: factor, generator } = optionsOf('init.orthogonal', rest, GAIN);
  normal(parameter, 0, 1, generator);
  const values = parameter.data.view();
  const rows = parameter.shape[0]!;
  const columns = parameter.size / rows;
  // Vector i has its element j at values[i * step + j * stride].
  const wide = rows <= columns;
  const [count, length] = wide ? [rows, columns] : [columns, rows];
  const [step, stride] = wide ? [columns, 1] : [1, columns];
  const basis = Array.from({ length: count }, (_, i) =>
    Float64Array.from({ length }, (_, j) => values[i * step + j * stride]!),
  );
  for (let i = 0; i < count; i++) {
    const v = basis[i]!;
    // Gram–Schmidt runs twice: the second round removes the components that rounding left in the first.
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
