import type { Use } from '../../graph/node.ts';
import type { Slot } from '../../graph/slot.ts';
import { NULL, offset, type Pointer } from '../../memory/memory.ts';
import { Leaf } from '../../module/leaf.ts';
import { extra } from '../../runtime/extra.ts';
import { checkEps, checkInteger, type Shape, shapeText, sizeOf } from '../../tensor/check.ts';
import { Parameter } from '../../tensor/parameter.ts';
import { Tensor } from '../../tensor/tensor.ts';
import { chunks } from './layernorm.ts';

export interface GroupNormOptions {
  /** Added to the variance under the root. Default 1e-5. */
  eps?: number;
  /** Whether γ (`weight`) and β (`bias`) are learnt. Default true. */
  affine?: boolean;
}

/** What a use of the layer knows of its sizes, and keeps from its forward for its backward. */
interface Memo {
  readonly n: number;
  /** Numbers a channel and sample. */
  readonly s: number;
  readonly shift: Slot;
  readonly delta: Slot;
  readonly invStd: Slot;
  /** Where s = 1: what stands for an absent γ and β. */
  readonly ones: Slot | undefined;
  readonly zeros: Slot | undefined;
}

/**
 * Group norm (Wu and He, 2018, arXiv:1803.08494):
 *
 *   y = γ·(x − mean)/√(variance + eps) + β
 *
 * The channels of a sample are cut into groups of neighbours; mean and variance (biased) are those of a
 * group, over its channels and all positions. γ and β belong to a channel. There are no running
 * statistics: training and evaluation are the same, and a sample's numbers do not depend on its batch.
 *
 * ```ts
 * new Sequential(new Conv2d(3, 64, 3, { bias: false }), new GroupNorm(32, 64), new ReLU());
 * ```
 *
 * Shapes: x [N, C, …]; the output has x's. `weight`, `bias` [C]. As PyTorch's `nn.GroupNorm`; the options
 * and their defaults stand in `GroupNormOptions`. One group is layer norm over all of a sample but for
 * γ and β; groups of one channel are instance norm.
 *
 * @throws RangeError for counts that are no whole numbers ≥ 1, groups that do not divide the channels, an
 *   eps ≤ 0; in forward for another channel count, and where a group has a single value
 */
export class GroupNorm extends Leaf {
  readonly eps: number;
  /** γ, [numChannels]. */
  readonly weight: Parameter | undefined;
  /** β, [numChannels]. */
  readonly bias: Parameter | undefined;

  constructor(
    readonly numGroups: number,
    readonly numChannels: number,
    { eps = 1e-5, affine = true }: GroupNormOptions = {},
  ) {
    super();
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
  }

  connect(use: Use, shape: Shape): Shape {
    const { numGroups, numChannels: c } = this;
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
    const saved = [n * numGroups];
    const rows = s === 1;
    use.memo = {
      n,
      s,
      shift: use.save(saved),
      delta: use.save(saved),
      invStd: use.save(saved),
      ones: rows && !this.weight ? use.save([c]) : undefined,
      zeros: rows && !this.bias ? use.save([c]) : undefined,
    } satisfies Memo;
    use.reserveScratch(4 * (2 * c * (rows ? chunks(n) : n) + inGroup));
    use.keeps({ input: true });
    use.mayOverwriteInput();
    use.mayOverwriteGradient();
    return shape;
  }

  run(use: Use): void {
    const { numGroups, numChannels: c, eps, weight, bias } = this;
    const { n, s, shift, delta, invStd, ones, zeros } = use.memo as Memo;
    const { y, x } = use;
    const saved = [shift.ptr, delta.ptr, invStd.ptr] as const;
    if (s > 1) {
      const affine = [weight?.ptr ?? NULL, bias?.ptr ?? NULL] as const;
      const groups = n * numGroups;
      extra().groupNormForward(y, ...saved, NULL, x, ...affine, c, s, numGroups, eps, 0, groups);
      return;
    }
    // Without positions a group is a stretch of a row: layer norm of one group after the other.
    ones?.f32.fill(1);
    zeros?.f32.fill(0);
    const gamma = weight?.ptr ?? ones!.ptr;
    const beta = bias?.ptr ?? zeros!.ptr;
    this.eachGroup(
      n,
      (at, width, [K, d, r]) => {
        const affine = [offset(gamma, at), offset(beta, at)] as const;
        extra().layerNormForward(
          offset(y, at),
          K,
          d,
          r,
          offset(x, at),
          ...affine,
          width,
          c,
          eps,
          0,
          n,
        );
      },
      saved,
    );
  }

  /** dγ += Σ dy·x̂ and dβ += Σ dy of each channel; dx with the statistics' own share in it. */
  runBackward(use: Use): void {
    const { numGroups, numChannels: c, weight } = this;
    const { n, s, shift, delta, invStd, ones } = use.memo as Memo;
    const { dx, dy, x, scratch } = use;
    const saved = [shift.ptr, delta.ptr, invStd.ptr] as const;
    const dWeight = use.gradient(weight);
    const dBias = use.gradient(this.bias);
    const { groupNormBackward, layerNormBackward, sumChunks } = extra();
    if (s > 1) {
      const inputs = [dy, x, weight?.ptr ?? NULL, c, s, numGroups] as const;
      const apart = offset(scratch, 2 * c * n);
      groupNormBackward(dx, scratch, ...saved, ...inputs, 0, n * numGroups, apart);
      if (dWeight) sumChunks(dWeight, scratch, n, 2 * c, 0, c);
      if (dBias) sumChunks(dBias, offset(scratch, c), n, 2 * c, 0, c);
      return;
    }
    const count = chunks(n);
    const apart = offset(scratch, 2 * c * count);
    const gamma = weight?.ptr ?? ones!.ptr;
    this.eachGroup(
      n,
      (at, width, group) => {
        const inputs = [offset(dy, at), offset(x, at), offset(gamma, at)] as const;
        const to = dx && offset(dx, at);
        layerNormBackward(to, scratch, ...group, ...inputs, width, c, 0, n, apart);
        if (dWeight) sumChunks(offset(dWeight, at), scratch, count, 2 * width, 0, width);
        if (dBias) sumChunks(offset(dBias, at), offset(scratch, width), count, 2 * width, 0, width);
      },
      saved,
    );
  }

  override toString(): string {
    return `GroupNorm(${this.numGroups}, ${this.numChannels})`;
  }

  /** Calls `visit` with a group's first channel, its width and where its n saved numbers stand. */
  private eachGroup(
    n: number,
    visit: (at: number, width: number, saved: readonly [Pointer, Pointer, Pointer]) => void,
    [shift, delta, invStd]: readonly [Pointer, Pointer, Pointer],
  ): void {
    const width = this.numChannels / this.numGroups;
    for (let g = 0; g < this.numGroups; g++) {
      const saved = [offset(shift, g * n), offset(delta, g * n), offset(invStd, g * n)] as const;
      visit(g * width, width, saved);
    }
  }
}
