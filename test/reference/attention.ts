/** Scaled dot-product attention of one head in float64: all scores at once. */
type Numbers = ArrayLike<number>;

export interface Head {
  queries: number;
  keys: number;
  width: number;
  causal?: boolean;
  padding?: readonly number[] | undefined;
}

/** p = softmax(q·kᵀ/√d) over the keys that a query may see, [queries, keys], and ln Σ exp of each row. */
export function probabilities(q: Numbers, k: Numbers, head: Head) {
  const { queries, keys, width, causal, padding } = head;
  const p = new Float64Array(queries * keys);
  const logSums = new Float64Array(queries);
  for (let i = 0; i < queries; i++) {
    const scores = Array.from({ length: keys }, (_, j) => {
      if ((causal && j > i) || padding?.[j]) return -Infinity;
      let s = 0;
      for (let c = 0; c < width; c++) s += q[i * width + c]! * k[j * width + c]!;
      return s / Math.sqrt(width);
    });
    const largest = Math.max(...scores);
    const sum = scores.reduce((a, s) => a + Math.exp(s - largest), 0);
    logSums[i] = largest + Math.log(sum);
    for (const [j, s] of scores.entries()) p[i * keys + j] = Math.exp(s - logSums[i]!);
  }
  return { p, logSums };
}

/** o = p·v, [queries, width]. */
export function attention(q: Numbers, k: Numbers, v: Numbers, head: Head): Float64Array {
  const { queries, keys, width } = head;
  const { p } = probabilities(q, k, head);
  const o = new Float64Array(queries * width);
  for (let i = 0; i < queries; i++) {
    for (let j = 0; j < keys; j++) {
      for (let c = 0; c < width; c++) o[i * width + c]! += p[i * keys + j]! * v[j * width + c]!;
    }
  }
  return o;
}

/** dv = pᵀ·do;  dp = do·vᵀ;  ds = p∘(dp − Σ p∘dp)/√d;  dq = ds·k;  dk = dsᵀ·q. */
export function attentionGradients(dO: Numbers, q: Numbers, k: Numbers, v: Numbers, head: Head) {
  const { queries, keys, width } = head;
  const { p } = probabilities(q, k, head);
  const [dq, dk, dv] = [q, k, v].map((of) => new Float64Array(of.length)) as [
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  const ds = new Float64Array(p.length);
  for (let i = 0; i < queries; i++) {
    const dp = Array.from({ length: keys }, (_, j) => {
      let sum = 0;
      for (let c = 0; c < width; c++) sum += dO[i * width + c]! * v[j * width + c]!;
      return sum;
    });
    const mean = dp.reduce((sum, d, j) => sum + d * p[i * keys + j]!, 0);
    for (let j = 0; j < keys; j++) {
      const at = i * keys + j;
      ds[at] = (p[at]! * (dp[j]! - mean)) / Math.sqrt(width);
      for (let c = 0; c < width; c++) {
        dv[j * width + c]! += p[at]! * dO[i * width + c]!;
        dq[i * width + c]! += ds[at]! * k[j * width + c]!;
        dk[j * width + c]! += ds[at]! * q[i * width + c]!;
      }
    }
  }
  return { dq, dk, dv, ds };
}
