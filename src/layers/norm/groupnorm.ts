import type { Use } from '../../graph/node.ts';
import { Leaf } from '../../module/leaf.ts';
import { checkEps, checkInteger } from '../../tensor/check.ts';
import { optionsOf } from '../../tensor/options.ts';
import { Parameter } from '../../tensor/parameter.ts';
import { type Shape, shapeText, sizeOf } from '../../tensor/shape.ts';
import { Tensor } from '../../tensor/tensor.ts';
import { PlaneNorm } from './planes.ts';
import { RowNorm } from './rows.ts';

export interface GroupNormOptions {
  /** Added to the variance under the root. Default 1e-5. */
  eps?: number;
  /** Whether γ (`weight`) and β (`bias`) are learnt. Default true. */
  affine?: boolean;
}

/**
 * Group norm (Wu and He, 2018, arXiv:1803.08494):
 *
 *   y = γ·(x − mean)/√(variance + eps) + β
 *
 * The channels of a sample are cut into groups of neighbours. The mean and the biased variance are those of
 * a group, over its channels and all positions; each channel has a γ and a β. There are no running
 * statistics: training and evaluation are the same, and a sample's output does not depend on its batch.
 *
 * ```ts
 * new Sequential(new Conv2d(3, 64, 3, { bias: false }), new GroupNorm(32, 64), new ReLU());
 * ```
 *
 * Shapes: x [N, C, …]; the output has x's. `weight`, `bias` [C]. As PyTorch's `nn.GroupNorm`; the options
 * and their defaults are in `GroupNormOptions`. With one group it is layer norm over the whole sample,
 * except that γ and β belong to channels; with groups of one channel it is instance norm.
 *
 * @throws RangeError for counts that are not whole numbers ≥ 1, groups that do not divide the channels, an
 *   eps ≤ 0; in forward for another number of channels, and for groups of a single value
 */
export class GroupNorm extends Leaf<RowNorm | PlaneNorm> {
  readonly eps: number;
  /** γ, [numChannels]. */
  readonly weight: Parameter | undefined;
  /** β, [numChannels]. */
  readonly bias: Parameter | undefined;

  constructor(
    readonly numGroups: number,
    readonly numChannels: number,
    ...rest: [options?: GroupNormOptions | undefined]
  ) {
    super();
    const { eps, affine } = optionsOf('GroupNorm', rest, { eps: 1e-5, affine: true });
    checkInteger('GroupNorm', 'numGroups', numGroups);
    checkInteger('GroupNorm', 'numChannels', numChannels);
    if (numChannels % numGroups !== 0) {
      throw new RangeError(
        `GroupNorm: numGroups expected a divisor of numChannels ${numChannels}, got ${numGroups}`,
      );
    }
    checkEps(`${this}`, eps);
    this.eps = eps;
    const ones = Tensor.from(new Float32Array(numChannels).fill(1), [numChannels]);
    this.weight = affine ? new Parameter(ones) : undefined;
    this.bias = affine ? new Parameter(Tensor.zeros([numChannels])) : undefined;
    this.settle();
  }

  connect(use: Use<RowNorm | PlaneNorm>, shape: Shape): Shape {
    const { numGroups, numChannels: c, eps } = this;
    if (shape.length < 2 || shape[1] !== c) {
      throw new RangeError(`${this}: input expected [N, ${c}, …], got ${shapeText(shape)}`);
    }
    const n = shape[0]!;
    const s = sizeOf(shape) / (n * c);
    const inGroup = (c / numGroups) * s;
    if (inGroup === 1) {
      throw new RangeError(
        `${this}: statistics expected more than one value a group, got 1 in ${shapeText(shape)}: ` +
          'use fewer groups',
      );
    }
    // Without positions, a group is a row of neighbouring numbers.
    use.memo =
      s === 1
        ? new RowNorm(use, this, { samples: n, groups: numGroups, d: inGroup, eps })
        : new PlaneNorm(use, this, { samples: n, channels: c, plane: s, groups: numGroups, eps });
    use.keeps({ input: true });
    use.mayOverwriteInput();
    use.mayOverwriteGradient();
    return shape;
  }

  run(use: Use<RowNorm | PlaneNorm>): void {
    use.memo.run(use);
  }

  runBackward(use: Use<RowNorm | PlaneNorm>): void {
    use.memo.runBackward(use);
  }

  override toString(): string {
    return `GroupNorm(${this.numGroups}, ${this.numChannels})`;
  }
}
