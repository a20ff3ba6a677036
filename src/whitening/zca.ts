import { checkNumber } from '../tensor/check.ts';
import { optionsOf } from '../tensor/options.ts';
import { Tensor } from '../tensor/tensor.ts';
import { eigen } from './eigen.ts';
import { rankOf } from './pca.ts';
import { type Maps, Projection } from './projection.ts';
import type { Scatter } from './scatter.ts';

export interface ZCAOptions {
  /** Added to each variance before dividing by its root, so that noise is not amplified. Default 0. */
  eps?: number;
}

/**
 * Zero-phase component analysis, the whitening that changes the data least (Bell and Sejnowski, "The
 * 'independent components' of natural scenes are edge filters", 1997): the features become uncorrelated and
 * have variance 1, and each stays as close as possible to what it was,
 *
 *   y = (x − mean)·W,   W = Vᵀ·diag(1/√(λ + eps))·V
 *
 * with V and λ as in PCA. For images, an eps of about a hundredth of the mean variance is usual.
 *
 * ```ts
 * const white = new ZCA().fitTransform(table);         // [N, F]
 * ```
 *
 * The state is the covariance, in `mean`, `scatter` and `count`.
 *
 * @throws RangeError for an eps below 0; with eps 0 also in `fit`, unless there are more samples than
 *   features and no feature is constant or a linear combination of others
 */
export class ZCA extends Projection<Maps> {
  readonly eps: number;

  constructor(...rest: [options?: ZCAOptions | undefined]) {
    super();
    const { eps } = optionsOf('ZCA', rest, { eps: 0 });
    checkNumber('ZCA', 'eps', eps, 0);
    this.eps = eps;
  }

  /** W, [F, F], symmetric. */
  get matrix(): Tensor {
    const { outputs, forward } = this.maps('matrix');
    return Tensor.from(forward, [outputs, outputs]);
  }

  protected solve({ count, mean, products }: Scatter): Maps {
    const f = mean.length;
    const way = 'give an eps above 0, or use PCA with fewer components';
    if (this.eps === 0 && count <= f) {
      throw new RangeError(
        `ZCA: whitening expected more samples than features, got ${count} samples of ${f}: ${way}`,
      );
    }
    const { values, vectors } = eigen(products, f);
    const rank = rankOf(values);
    if (this.eps === 0 && rank < f) {
      throw new RangeError(
        `ZCA: whitening expected features that vary on their own, got ${rank} directions for ${f} ` +
          `(some are constant or depend on others): ${way}`,
      );
    }
    const sd = values.map((value) => Math.sqrt(value / Math.max(count - 1, 1) + this.eps));
    const forward = product(
      vectors,
      sd.map((root) => 1 / root),
      f,
    );
    return { outputs: f, forward, backward: product(vectors, sd, f) };
  }
}

/** Vᵀ·diag(d)·V. */
function product(vectors: Float64Array, d: Float64Array, f: number): Float64Array {
  const w = new Float64Array(f * f);
  for (let k = 0; k < f; k++) {
    const row = vectors.subarray(k * f, (k + 1) * f);
    for (let i = 0; i < f; i++) {
      const scaled = row[i]! * d[k]!;
      for (let j = 0; j < f; j++) w[i * f + j]! += scaled * row[j]!;
    }
  }
  return w;
}
