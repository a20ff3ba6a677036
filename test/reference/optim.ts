/** Optimizers in float64, one parameter at a time, as their papers and PyTorch's documentation say. */

export interface Options {
  lr: number;
  momentum?: number;
  dampening?: number;
  nesterov?: boolean;
  weightDecay?: number;
  betas?: readonly [number, number];
  eps?: number;
  amsgrad?: boolean;
  decoupled?: boolean;
  alpha?: number;
  centered?: boolean;
}

/** A state's arrays, by PyTorch's names; empty before the first step. */
export type State = Record<string, Float64Array> & { step?: never };

const slot = (state: State, name: string, n: number) => (state[name] ??= new Float64Array(n));

/** Updates w and state; t = 1 at the first step. */
export type Step = (
  w: Float64Array,
  state: State,
  dw: ArrayLike<number>,
  t: number,
  options: Options,
) => void;

export const sgd: Step = (w, state, dw, t, options) => {
  const { lr, momentum = 0, dampening = 0, nesterov = false, weightDecay = 0 } = options;
  for (let i = 0; i < w.length; i++) {
    let g = dw[i]! + weightDecay * w[i]!;
    if (momentum) {
      const b = slot(state, 'momentum_buffer', w.length);
      b[i] = t === 1 ? g : momentum * b[i]! + (1 - dampening) * g;
      g = nesterov ? g + momentum * b[i]! : b[i]!;
    }
    w[i]! -= lr * g;
  }
};

export const adam: Step = (w, state, dw, t, options) => {
  const { lr, betas = [0.9, 0.999], eps = 1e-8, weightDecay = 0 } = options;
  const [beta1, beta2] = betas;
  const m = slot(state, 'exp_avg', w.length);
  const v = slot(state, 'exp_avg_sq', w.length);
  for (let i = 0; i < w.length; i++) {
    if (options.decoupled) w[i]! *= 1 - lr * weightDecay;
    const g = dw[i]! + (options.decoupled ? 0 : weightDecay * w[i]!);
    m[i] = beta1 * m[i]! + (1 - beta1) * g;
    v[i] = beta2 * v[i]! + (1 - beta2) * g * g;
    let square = v[i]!;
    if (options.amsgrad) {
      const most = slot(state, 'max_exp_avg_sq', w.length);
      square = most[i] = Math.max(most[i]!, square);
    }
    const mHat = m[i]! / (1 - beta1 ** t);
    const root = Math.sqrt(square / (1 - beta2 ** t));
    w[i]! -= (lr * mHat) / (root + eps);
  }
};

export const rmsprop: Step = (w, state, dw, _, options) => {
  const { lr, alpha = 0.99, eps = 1e-8, weightDecay = 0, momentum = 0 } = options;
  const s = slot(state, 'square_avg', w.length);
  for (let i = 0; i < w.length; i++) {
    const g = dw[i]! + weightDecay * w[i]!;
    s[i] = alpha * s[i]! + (1 - alpha) * g * g;
    let variance = s[i]!;
    if (options.centered) {
      const a = slot(state, 'grad_avg', w.length);
      a[i] = alpha * a[i]! + (1 - alpha) * g;
      variance -= a[i]! ** 2;
    }
    let u = g / (Math.sqrt(variance) + eps);
    if (momentum) {
      const b = slot(state, 'momentum_buffer', w.length);
      u = b[i] = momentum * b[i]! + u;
    }
    w[i]! -= lr * u;
  }
};
