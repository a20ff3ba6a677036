/** Recurrent networks in float64: one layer and direction, sequence by sequence, and the gradient through time. */
type Numbers = ArrayLike<number>;

export interface Pass {
  kind: 'RNN' | 'LSTM' | 'GRU';
  relu?: boolean;
  steps: number;
  batch: number;
  inputs: number;
  hidden: number;
  reverse?: boolean;
  lengths?: readonly number[] | undefined;
  weightIh: Numbers;
  weightHh: Numbers;
  biasIh: Numbers;
  biasHh: Numbers;
}

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));

/** m·v + b for a matrix of rows. */
function affine(m: Numbers, v: Numbers, b: Numbers): Float64Array {
  return Float64Array.from(b as ArrayLike<number>, (start, i) => {
    let sum = start;
    for (let j = 0; j < v.length; j++) sum += m[i * v.length + j]! * v[j]!;
    return sum;
  });
}

/** The steps of sequence n in the order in which they are computed. */
function order({ steps, lengths, reverse }: Pass, n: number): number[] {
  const all = Array.from({ length: lengths?.[n] ?? steps }, (_, t) => t);
  return reverse ? all.reverse() : all;
}

interface Step {
  t: number;
  x: Float64Array;
  h0: Float64Array;
  c0: Float64Array;
  a: Float64Array;
  b: Float64Array;
  h: Float64Array;
  c: Float64Array;
}

/** The steps of one sequence. */
function follow(x: Numbers, pass: Pass, n: number): Step[] {
  const { kind, relu, batch, inputs, hidden, weightIh, weightHh, biasIh, biasHh } = pass;
  let h: Float64Array = new Float64Array(hidden);
  let c: Float64Array = new Float64Array(hidden);
  return order(pass, n).map((t) => {
    const xt = Float64Array.from({ length: inputs }, (_, j) => x[(t * batch + n) * inputs + j]!);
    const [h0, c0] = [h, c];
    const a = affine(weightIh, xt, biasIh);
    const b = affine(weightHh, h0, biasHh);
    const s = (gate: number, j: number) => a[gate * hidden + j]! + b[gate * hidden + j]!;
    c = new Float64Array(hidden);
    h = Float64Array.from({ length: hidden }, (_, j) => {
      if (kind === 'RNN') return relu ? Math.max(s(0, j), 0) : Math.tanh(s(0, j));
      if (kind === 'GRU') {
        const z = sigmoid(s(1, j));
        const fresh = Math.tanh(a[2 * hidden + j]! + sigmoid(s(0, j)) * b[2 * hidden + j]!);
        return (1 - z) * fresh + z * h0[j]!;
      }
      c[j] = sigmoid(s(1, j)) * c0[j]! + sigmoid(s(0, j)) * Math.tanh(s(2, j));
      return sigmoid(s(3, j)) * Math.tanh(c[j]!);
    });
    return { t, x: xt, h0, c0, a, b, h, c };
  });
}

/** The states after each step, [steps, batch, hidden], 0 past a sequence's end; or the last ones, [batch, hidden]. */
export function recurrent(x: Numbers, pass: Pass, last = false): Float64Array {
  const { steps, batch, hidden } = pass;
  const y = new Float64Array((last ? 1 : steps) * batch * hidden);
  for (let n = 0; n < batch; n++) {
    for (const { t, h } of follow(x, pass, n)) y.set(h, ((last ? 0 : t) * batch + n) * hidden);
  }
  return y;
}

/** dx and the gradients of the parameters, through time. */
export function recurrentGradients(dy: Numbers, x: Numbers, pass: Pass, last = false) {
  const { kind, relu, batch, inputs, hidden, weightIh, weightHh } = pass;
  const wide = pass.biasIh.length;
  const dx = new Float64Array(x.length);
  const dWeightIh = new Float64Array(weightIh.length);
  const dWeightHh = new Float64Array(weightHh.length);
  const dBiasIh = new Float64Array(wide);
  const dBiasHh = new Float64Array(wide);
  for (let n = 0; n < batch; n++) {
    let dh = new Float64Array(hidden);
    let dc = new Float64Array(hidden);
    if (last) dh = dh.map((_, j) => dy[n * hidden + j]!);
    for (const { t, x: xt, h0, c0, a, b, h, c } of follow(x, pass, n).reverse()) {
      if (!last) dh = dh.map((v, j) => v + dy[(t * batch + n) * hidden + j]!);
      const s = (gate: number, j: number) => a[gate * hidden + j]! + b[gate * hidden + j]!;
      const da = new Float64Array(wide);
      const db = new Float64Array(wide);
      const dh0 = new Float64Array(hidden);
      const dc0 = new Float64Array(hidden);
      for (let j = 0; j < hidden; j++) {
        const put = (gate: number, v: number, w = v) => {
          da[gate * hidden + j] = v;
          db[gate * hidden + j] = w;
        };
        if (kind === 'RNN') put(0, relu ? (h[j]! > 0 ? dh[j]! : 0) : dh[j]! * (1 - h[j]! ** 2));
        if (kind === 'GRU') {
          const [r, z] = [sigmoid(s(0, j)), sigmoid(s(1, j))];
          const product = b[2 * hidden + j]!;
          const fresh = Math.tanh(a[2 * hidden + j]! + r * product);
          const dn = dh[j]! * (1 - z) * (1 - fresh ** 2);
          put(0, dn * product * r * (1 - r));
          put(1, dh[j]! * (h0[j]! - fresh) * z * (1 - z));
          put(2, dn, dn * r);
          dh0[j] = dh[j]! * z;
        }
        if (kind === 'LSTM') {
          const [i, f, g] = [sigmoid(s(0, j)), sigmoid(s(1, j)), Math.tanh(s(2, j))];
          const [o, u] = [sigmoid(s(3, j)), Math.tanh(c[j]!)];
          const e = dc[j]! + dh[j]! * o * (1 - u ** 2);
          put(0, e * g * i * (1 - i));
          put(1, e * c0[j]! * f * (1 - f));
          put(2, e * i * (1 - g ** 2));
          put(3, dh[j]! * u * o * (1 - o));
          dc0[j] = e * f;
        }
      }
      for (let k = 0; k < wide; k++) {
        dBiasIh[k]! += da[k]!;
        dBiasHh[k]! += db[k]!;
        for (let j = 0; j < inputs; j++) {
          dWeightIh[k * inputs + j]! += da[k]! * xt[j]!;
          dx[(t * batch + n) * inputs + j]! += da[k]! * weightIh[k * inputs + j]!;
        }
        for (let j = 0; j < hidden; j++) {
          dWeightHh[k * hidden + j]! += db[k]! * h0[j]!;
          dh0[j]! += db[k]! * weightHh[k * hidden + j]!;
        }
      }
      [dh, dc] = [dh0, dc0];
    }
  }
  return { dx, dWeightIh, dWeightHh, dBiasIh, dBiasHh };
}
