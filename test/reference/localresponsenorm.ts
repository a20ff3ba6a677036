/** Local response norm in float64, on [n, c, s]. */
type Numbers = ArrayLike<number>;

export interface Response {
  c: number;
  s: number;
  size: number;
  alpha: number;
  beta: number;
  k: number;
}

/** The elements whose squares damp element `at`: its place in the neighbouring channels. */
function neighbours(at: number, { c, s, size }: Response): number[] {
  const channel = Math.floor(at / s) % c;
  const first = channel - Math.floor(size / 2);
  const all = Array.from({ length: size }, (_, i) => first + i);
  return all.filter((j) => j >= 0 && j < c).map((j) => at + (j - channel) * s);
}

function damping(x: Numbers, response: Response): Float64Array {
  const { size, alpha, k } = response;
  return Float64Array.from(x, (_, i) => {
    const squares = neighbours(i, response).reduce((sum, j) => sum + x[j]! ** 2, 0);
    return k + (alpha / size) * squares;
  });
}

export function localResponseNorm(x: Numbers, response: Response): Float64Array {
  return damping(x, response).map((t, i) => x[i]! * t ** -response.beta);
}

export function localResponseNormGradient(
  dy: Numbers,
  x: Numbers,
  response: Response,
): Float64Array {
  const { size, alpha, beta } = response;
  const t = damping(x, response);
  const dx = t.map((value, i) => dy[i]! * value ** -beta);
  for (let i = 0; i < x.length; i++) {
    const factor = ((2 * alpha * beta) / size) * dy[i]! * x[i]! * t[i]! ** (-beta - 1);
    for (const j of neighbours(i, response)) dx[j]! -= factor * x[j]!;
  }
  return dx;
}
