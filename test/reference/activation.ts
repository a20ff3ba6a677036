/** Activations in float64: y = f(x) and its derivative. */

export interface Activation {
  f(x: number): number;
  /** The derivative; at a kink PyTorch's choice: 0 at both of ReLU6's, the slope on the left at the others. */
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

export const relu6: Activation = {
  fromOutput: true,
  f: (x) => Math.min(Math.max(x, 0), 6),
  slope: (x) => (x > 0 && x < 6 ? 1 : 0),
};

export const leakyRelu = (slope: number): Activation => ({
  f: (x) => (x > 0 ? x : slope * x),
  slope: (x) => (x > 0 ? 1 : slope),
});

export const elu = (alpha: number): Activation => ({
  f: (x) => (x > 0 ? x : alpha * Math.expm1(x)),
  slope: (x) => (x > 0 ? 1 : alpha * Math.exp(x)),
});

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
  relu6,
  sigmoid: sigmoidActivation,
  tanh,
  silu,
  gelu,
  geluTanh,
};

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
