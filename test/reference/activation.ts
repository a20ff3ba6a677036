/** Activations in float64: y = f(x) and its derivative. */

export interface Activation {
  f(x: number): number;
  /** The derivative; at a kink PyTorch's choice: 0 at both of a flat end's, the slope on the left at the others. */
  slope(x: number): number;
  /** Whether the kernel computes the gradient from y; from x unless said so. */
  fromOutput?: boolean;
}

export const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

/** Φ(x) = ½ + φ(x)·(x + x³/3 + x⁵/15 + …) near 0, and φ(x) over a continued fraction in the tails. */
export function normalCdf(x: number): number {
  const density = Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI);
  const a = Math.abs(x);
  if (a < 3) {
    let term = x;
    let sum = x;
    for (let k = 3; Math.abs(term) > 1e-18 * Math.abs(sum); k += 2) {
      term *= (x * x) / k;
      sum += term;
    }
    if (x > -1) return 0.5 + density * sum;
  }
  // Φ(−a) = φ(a) / (a + 1/(a + 2/(a + 3/(a + …))))
  let fraction = a;
  for (let k = 200; k > 0; k--) fraction = a + k / fraction;
  const tail = density / fraction;
  return x < 0 ? tail : 1 - tail;
}

export const relu: Activation = {
  fromOutput: true,
  f: (x) => Math.max(x, 0),
  slope: (x) => (x > 0 ? 1 : 0),
};

export const hardtanh = (low: number, high: number): Activation => ({
  fromOutput: true,
  f: (x) => Math.min(Math.max(x, low), high),
  slope: (x) => (x > low && x < high ? 1 : 0),
});

export const relu6 = hardtanh(0, 6);

export const hardsigmoid: Activation = {
  f: (x) => Math.min(Math.max(x + 3, 0), 6) / 6,
  slope: (x) => (x > -3 && x < 3 ? 1 / 6 : 0),
};

export const hardswish: Activation = {
  f: (x) => x * hardsigmoid.f(x),
  slope: (x) => (x <= -3 ? 0 : x >= 3 ? 1 : x / 3 + 0.5),
};

export const leakyRelu = (slope: number, threshold = 0): Activation => ({
  f: (x) => (x > threshold ? x : slope * (x - threshold)),
  slope: (x) => (x > threshold ? 1 : slope),
});

export const softplus = (beta = 1, threshold = 20): Activation => ({
  f: (x) => {
    const u = beta * x;
    return u > threshold ? x : (Math.max(u, 0) + Math.log1p(Math.exp(-Math.abs(u)))) / beta;
  },
  slope: (x) => (beta * x > threshold ? 1 : sigmoid(beta * x)),
});

export const mish: Activation = {
  f: (x) => x * Math.tanh(softplus(1, Infinity).f(x)),
  slope: (x) => {
    const t = Math.tanh(softplus(1, Infinity).f(x));
    return t + x * (1 - t * t) * sigmoid(x);
  },
};

export const softsign: Activation = {
  f: (x) => x / (1 + Math.abs(x)),
  slope: (x) => 1 / (1 + Math.abs(x)) ** 2,
};

export const elu = (alpha: number): Activation => ({
  f: (x) => (x > 0 ? x : alpha * Math.expm1(x)),
  slope: (x) => (x > 0 ? 1 : alpha * Math.exp(x)),
});

/** Klambauer et al., 2017: the fixed point of mean 0 and variance 1. */
const SELU = { alpha: 1.6732632423543772, scale: 1.0507009873554805 };

export const selu: Activation = {
  f: (x) => SELU.scale * elu(SELU.alpha).f(x),
  slope: (x) => SELU.scale * elu(SELU.alpha).slope(x),
};

export const sigmoidActivation: Activation = {
  fromOutput: true,
  f: sigmoid,
  slope: (x) => sigmoid(x) * sigmoid(-x),
};

export const tanh: Activation = {
  fromOutput: true,
  f: Math.tanh,
  slope: (x) => 1 / Math.cosh(x) ** 2,
};

export const silu: Activation = {
  f: (x) => x * sigmoid(x),
  slope: (x) => sigmoid(x) * (1 + x * sigmoid(-x)),
};

export const gelu: Activation = {
  f: (x) => x * normalCdf(x),
  slope: (x) => normalCdf(x) + (x * Math.exp((-x * x) / 2)) / Math.sqrt(2 * Math.PI),
};

const inner = (x: number): number => Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3);

export const geluTanh: Activation = {
  f: (x) => 0.5 * x * (1 + Math.tanh(inner(x))),
  slope: (x) => {
    const t = Math.tanh(inner(x));
    const bend = Math.sqrt(2 / Math.PI) * (1 + 3 * 0.044715 * x ** 2);
    return 0.5 * (1 + t + x * (1 - t * t) * bend);
  },
};

/**
 * The activations without parameters. An entry `tanh` is tested with the kernels `tanhForward` and
 * `tanhBackward` and the layer `Tanh`, whose names differ in case only.
 */
export const PLAIN: Readonly<Record<string, Activation>> = {
  relu,
  hardsigmoid,
  hardswish,
  mish,
  softsign,
  sigmoid: sigmoidActivation,
  tanh,
  silu,
  gelu,
  geluTanh,
};

/** GLU of x [n, 2, half] and its gradient. */
export function glu(x: ArrayLike<number>, half: number): Float64Array {
  const y = new Float64Array(x.length / 2);
  for (let i = 0; i < y.length; i++) {
    const at = i + Math.floor(i / half) * half;
    y[i] = x[at]! * sigmoid(x[at + half]!);
  }
  return y;
}

export function gluGradient(
  x: ArrayLike<number>,
  dy: ArrayLike<number>,
  half: number,
): Float64Array {
  const dx = new Float64Array(x.length);
  for (let i = 0; i < dy.length; i++) {
    const at = i + Math.floor(i / half) * half;
    const [a, b] = [x[at]!, x[at + half]!];
    dx[at] = dy[i]! * sigmoid(b);
    dx[at + half] = dy[i]! * a * sigmoid(b) * sigmoid(-b);
  }
  return dx;
}

/** PReLU of x [n, c, inner] with weight [c]. */
export function prelu(
  x: ArrayLike<number>,
  weight: ArrayLike<number>,
  inner: number,
): Float64Array {
  return Float64Array.from(x, (v, i) => {
    const w = weight[Math.floor(i / inner) % weight.length]!;
    return v > 0 ? v : w * v;
  });
}

export function preluGradients(
  x: ArrayLike<number>,
  dy: ArrayLike<number>,
  weight: ArrayLike<number>,
  inner: number,
): { dx: Float64Array; dweight: Float64Array } {
  const dx = new Float64Array(x.length);
  const dweight = new Float64Array(weight.length);
  for (let i = 0; i < x.length; i++) {
    const channel = Math.floor(i / inner) % weight.length;
    if (x[i]! > 0) dx[i] = dy[i]!;
    else {
      dx[i] = weight[channel]! * dy[i]!;
      dweight[channel]! += x[i]! * dy[i]!;
    }
  }
  return { dx, dweight };
}
