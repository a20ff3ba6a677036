import { checkNumber } from '../tensor/check.ts';
import { optionsOf } from '../tensor/options.ts';
import { Tensor } from '../tensor/tensor.ts';
import { eigen } from './eigen.ts';
import { type Maps, Projection } from './projection.ts';
import type { Scatter } from './scatter.ts';

export interface PCAOptions {
  /**
   * How many components are kept: a whole number, or the share of the variance, between 0 and 1, that they
   * must explain. Default all, min(samples, features).
   */
  nComponents?: number;
  /** Whether each component is scaled to variance 1. Default false. */
  whiten?: boolean;
}

interface Components extends Maps {
  readonly components: Float64Array;
  readonly variance: Float64Array;
  readonly total: number;
}

/**
 * Principal component analysis: projects samples on the directions in which they vary most,
 *
 *   y = (x − mean)·Vᵀ,   with `whiten` divided by √λ
 *
 * where the rows of V are eigenvectors of the covariance Σ(x − mean)(x − mean)ᵀ/(n − 1) and λ its
 * eigenvalues, the largest first.
 *
 * ```ts
 * const pca = new PCA({ nComponents: 2 }).fit(table);  // [N, F]
 * const y = pca.transform(table);                      // [N, 2]
 * pca.explainedVarianceRatio;                          // of two components
 * ```
 *
 * As scikit-learn's `PCA`; each component's entry of largest magnitude is positive, as in its versions from
 * 1.5 on. The state is the covariance, in `mean`, `scatter` and `count`.
 *
 * @throws TypeError for an nComponents that is not a number, RangeError for one that is neither a share
 *   between 0 and 1 nor a whole number
 */
export class PCA extends Projection<Components> {
  readonly whiten: boolean;
  private readonly wanted: number | undefined;

  constructor(...rest: [options?: PCAOptions | undefined]) {
    super();
    const table = { nComponents: undefined, whiten: false };
    const { nComponents, whiten } = optionsOf('PCA', rest, table);
    if (nComponents !== undefined) {
      checkNumber('PCA', 'nComponents', nComponents, 0);
      if (nComponents === 0 || (nComponents > 1 && !Number.isInteger(nComponents))) {
        throw new RangeError(
          `PCA: nComponents expected a whole number ≥ 1 or a share below 1, got ${nComponents}`,
        );
      }
    }
    this.wanted = nComponents;
    this.whiten = whiten;
  }

  /** How many components are kept. This and all getters below throw before there are samples. */
  get nComponents(): number {
    return this.maps('nComponents').outputs;
  }

  /** The components, [nComponents, F]; each row is a unit vector. */
  get components(): Tensor {
    const { outputs, components } = this.maps('components');
    return Tensor.from(components, [outputs, this.features]);
  }

  /** Each component's variance (unbiased, over n − 1). */
  get explainedVariance(): Float64Array {
    return this.maps('explainedVariance').variance.slice();
  }

  /** Each component's share of the variance of all features. */
  get explainedVarianceRatio(): Float64Array {
    const { variance, total } = this.maps('explainedVarianceRatio');
    return variance.map((value) => (total > 0 ? value / total : 0));
  }

  protected solve({ count, mean, products }: Scatter): Components {
    const f = mean.length;
    if (count < 2) throw new RangeError(`PCA: expected 2 samples or more, got ${count}`);
    const { values, vectors } = eigen(products, f);
    const variances = values.map((value) => value / (count - 1));
    const total = variances.reduce((sum, value) => sum + value, 0);
    const outputs = this.kept(variances, total, count);
    const variance = variances.slice(0, outputs);
    const components = vectors.slice(0, outputs * f);
    const scaled = (power: 1 | -1) =>
      components.map((entry, at) => {
        const sd = Math.sqrt(variance[Math.floor(at / f)]!);
        return power === 1 ? entry * sd : entry / sd;
      });
    const [forward, backward] = this.whiten ? [scaled(-1), scaled(1)] : [components, components];
    return { outputs, forward, backward, components, variance, total };
  }

  private kept(variances: Float64Array, total: number, count: number): number {
    const f = variances.length;
    const most = Math.min(count, f);
    let kept = this.wanted ?? most;
    if (kept < 1) {
      let [share, explained] = [kept * total, 0];
      kept = 0;
      while (kept < most && explained <= share) explained += variances[kept++]!;
    }
    if (kept > most) {
      throw new RangeError(
        `PCA: nComponents expected at most ${most}, with ${count} samples of ${f} features, got ${kept}`,
      );
    }
    if (!this.whiten) return kept;
    if (kept >= count) {
      throw new RangeError(
        `PCA: whitening expected more samples than components, got ${count} samples for ${kept}: ` +
          `use more samples, or nComponents of at most ${count - 1}`,
      );
    }
    const rank = rankOf(variances);
    if (kept > rank) {
      throw new RangeError(
        `PCA: whitening expected components that vary, got ${rank} for ${kept} (features are constant ` +
          `or depend on each other): use nComponents of at most ${rank}`,
      );
    }
    return kept;
  }
}

/** The number of variances, sorted from the largest, that exceed the rounding error of the largest. */
export function rankOf(variances: Float64Array): number {
  const least = variances[0]! * variances.length * Number.EPSILON;
  return variances.filter((value) => value > least).length;
}
