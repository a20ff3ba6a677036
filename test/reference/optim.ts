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
  maximize?: boolean;
  decoupledWeightDecay?: boolean;
  momentumDecay?: number;
  lrDecay?: number;
  initialAccumulatorValue?: number;
}

/** A state's arrays, by PyTorch's names; empty before the first step. */
export type State = Record<string, Float64Array> & { step?: never };

const slot = (state: State, name: string, n: number) => (state[name] ??= new Float64Array(n));

/** dw, or −dw to maximize, with the weight decay that is a penalty. */
const gradientOf = (
  w: number,
  dw: number,
  { maximize, weightDecay = 0 }: Options,
  decays: boolean,
) => (maximize ? -dw : dw) + (decays ? weightDecay * w : 0);

/** Updates w and state; t = 1 at the first step. */
export type Step = (
  w: Float64Array,
  state: State,
  dw: ArrayLike<number>,
  t: number,
  options: Options,
) => void;

export const sgd: Step = (w, state, dw, t, options) => {
  const { lr, momentum = 0, dampening = 0, nesterov = false } = options;
  for (let i = 0; i < w.length; i++) {
    let g = gradientOf(w[i]!, dw[i]!, options, true);
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
    const g = gradientOf(w[i]!, dw[i]!, options, !options.decoupled);
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
  const { lr, alpha = 0.99, eps = 1e-8, momentum = 0 } = options;
  const s = slot(state, 'square_avg', w.length);
  for (let i = 0; i < w.length; i++) {
    const g = gradientOf(w[i]!, dw[i]!, options, true);
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

/** Πₜ = μ₁·…·μₜ of NAdam, all from the step's number. */
export const nadam: Step = (w, state, dw, t, options) => {
  const { lr, betas = [0.9, 0.999], eps = 1e-8, weightDecay = 0, momentumDecay = 4e-3 } = options;
  const [beta1, beta2] = betas;
  const m = slot(state, 'exp_avg', w.length);
  const v = slot(state, 'exp_avg_sq', w.length);
  const mu = (step: number) => beta1 * (1 - 0.5 * 0.96 ** (step * momentumDecay));
  let product = 1;
  for (let step = 1; step <= t; step++) product *= mu(step);
  for (let i = 0; i < w.length; i++) {
    if (options.decoupledWeightDecay) w[i]! *= 1 - lr * weightDecay;
    const g = gradientOf(w[i]!, dw[i]!, options, !options.decoupledWeightDecay);
    m[i] = beta1 * m[i]! + (1 - beta1) * g;
    v[i] = beta2 * v[i]! + (1 - beta2) * g * g;
    const mHat =
      (mu(t + 1) * m[i]!) / (1 - product * mu(t + 1)) + ((1 - mu(t)) * g) / (1 - product);
    w[i]! -= (lr * mHat) / (Math.sqrt(v[i]! / (1 - beta2 ** t)) + eps);
  }
};

export const radam: Step = (w, state, dw, t, options) => {
  const { lr, betas = [0.9, 0.999], eps = 1e-8, weightDecay = 0 } = options;
  const [beta1, beta2] = betas;
  const m = slot(state, 'exp_avg', w.length);
  const v = slot(state, 'exp_avg_sq', w.length);
  const most = 2 / (1 - beta2) - 1;
  const rho = most - (2 * t * beta2 ** t) / (1 - beta2 ** t);
  for (let i = 0; i < w.length; i++) {
    if (options.decoupledWeightDecay) w[i]! *= 1 - lr * weightDecay;
    const g = gradientOf(w[i]!, dw[i]!, options, !options.decoupledWeightDecay);
    m[i] = beta1 * m[i]! + (1 - beta1) * g;
    v[i] = beta2 * v[i]! + (1 - beta2) * g * g;
    const mHat = m[i]! / (1 - beta1 ** t);
    if (rho > 5) {
      const r = Math.sqrt(((rho - 4) * (rho - 2) * most) / ((most - 4) * (most - 2) * rho));
      w[i]! -= (lr * mHat * r * Math.sqrt(1 - beta2 ** t)) / (Math.sqrt(v[i]!) + eps);
    } else {
      w[i]! -= lr * mHat;
    }
  }
};

export const adagrad: Step = (w, state, dw, t, options) => {
  const { lr, lrDecay = 0, eps = 1e-10, initialAccumulatorValue = 0 } = options;
  state.sum ??= new Float64Array(w.length).fill(initialAccumulatorValue);
  for (let i = 0; i < w.length; i++) {
    const g = gradientOf(w[i]!, dw[i]!, options, true);
    state.sum[i]! += g * g;
    w[i]! -= ((lr / (1 + (t - 1) * lrDecay)) * g) / (Math.sqrt(state.sum[i]!) + eps);
  }
};

export const lion: Step = (w, state, dw, _, options) => {
  const { lr, betas = [0.9, 0.99], weightDecay = 0 } = options;
  const [beta1, beta2] = betas;
  const m = slot(state, 'exp_avg', w.length);
  for (let i = 0; i < w.length; i++) {
    const g = options.maximize ? -dw[i]! : dw[i]!;
    w[i]! = (1 - lr * weightDecay) * w[i]! - lr * Math.sign(beta1 * m[i]! + (1 - beta1) * g);
    m[i] = beta2 * m[i]! + (1 - beta2) * g;
  }
};
