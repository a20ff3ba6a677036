/** Finite differences: whether the gradient that a float64 reference gives is that of its own forward. */
import { expectClose, type Tolerance } from './close.ts';

export interface Differentiated extends Tolerance {
  /** ∂L/∂at, as the reference computes it. */
  gradient: ArrayLike<number>;
  at: ArrayLike<number>;
  /** The reference's forward as a function of `at`: y, or the loss itself. */
  of(at: Float64Array): ArrayLike<number> | number;
  /** ∂L/∂y. Where it is left out, `of` gives L. */
  dy?: ArrayLike<number>;
  /** How far to either side. */
  step?: number;
  what?: string;
}

/** Fails where (L(at + step) − L(at − step)) / 2·step is not the gradient, to 1e-8 if no tolerance is given. */
export function expectGradient(described: Differentiated): void {
  const { gradient, at, of, dy, step = 1e-5, what = 'gradient', ...tolerance } = described;
  const values = Float64Array.from(at);
  const loss = (): number => {
    const y = of(values);
    if (typeof y === 'number') return y;
    let sum = 0;
    for (let i = 0; i < y.length; i++) sum += y[i]! * dy![i]!;
    return sum;
  };
  const slopes = Float64Array.from(values, (value, i) => {
    values[i] = value + step;
    const above = loss();
    values[i] = value - step;
    const below = loss();
    values[i] = value;
    return (above - below) / (2 * step);
  });
  const near = Object.keys(tolerance).length > 0 ? tolerance : { atol: 1e-8 };
  expectClose(gradient, slopes, near, `${what} beside finite differences`);
}
