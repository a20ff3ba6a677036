import { GroupNormShape } from '../../generated/kernels.ts';
import type { Use } from '../../graph/node.ts';
import type { Slot } from '../../graph/slot.ts';
import { NULL } from '../../memory/memory.ts';
import { type Struct, withStruct } from '../../memory/struct.ts';
import { extra } from '../../runtime/extra.ts';
import type { Affine } from './rows.ts';

/**
 * One use of the group norm kernels: its sizes, and what its forward saves for its backward. x is [samples,
 * channels, plane], and each group of neighbouring channels is normalized. In instance norm every channel is
 * a group.
 */
export class PlaneNorm {
  readonly shape: Struct<GroupNormShape, 'GroupNormShape'>;
  /** [samples, groups, 4]. */
  readonly statistics: Slot;

  constructor(
    use: Use,
    private readonly affine: Affine,
    sizes: GroupNormShape,
  ) {
    this.shape = use.struct(GroupNormShape, sizes);
    this.statistics = use.save([sizes.samples * sizes.groups, 4]);
    use.reserveScratch(withStruct(GroupNormShape, sizes, (ptr) => extra().groupNormScratch(ptr)));
  }

  run({ x, y }: Use): void {
    const { shape, statistics, affine } = this;
    const { samples, groups } = shape.values;
    const parameters = [affine.weight?.ptr ?? NULL, affine.bias?.ptr ?? NULL] as const;
    extra().groupNormForward(y, statistics.ptr, x, ...parameters, shape.ptr, 0, samples * groups);
  }

  /** dγ += Σ dy·x̂ and dβ += Σ dy of each channel; dx, including the gradient through the statistics. */
  runBackward(use: Use): void {
    const { shape, statistics, affine } = this;
    const { dx, dy, x, scratch } = use;
    const { samples, groups, channels } = shape.values;
    const { groupNormBackward, groupNormAffineBackward } = extra();
    const inputs = [statistics.ptr, dy, x, affine.weight?.ptr ?? NULL, shape.ptr] as const;
    groupNormBackward(dx, scratch, ...inputs, 0, samples * groups);
    const [dWeight, dBias] = [use.gradient(affine.weight), use.gradient(affine.bias)];
    groupNormAffineBackward(dWeight, dBias, scratch, shape.ptr, 0, channels);
  }
}
