import { LayerNormShape } from '../../generated/kernels.ts';
import type { Use } from '../../graph/node.ts';
import type { Slot } from '../../graph/slot.ts';
import type { Pointer } from '../../memory/memory.ts';
import { type Struct, withStruct } from '../../memory/struct.ts';
import { extra } from '../../runtime/extra.ts';
import type { Parameter } from '../../tensor/parameter.ts';

/** γ and β of a layer that may lack either. */
export interface Affine {
  readonly weight: Parameter | undefined;
  readonly bias: Parameter | undefined;
}

/**
 * A γ or β for kernels that need one: the parameter, or a slot filled with a constant if the layer has
 * none.
 */
export class ParameterOrConstant {
  private readonly constant: Slot | undefined;

  constructor(
    use: Use,
    private readonly parameter: Parameter | undefined,
    private readonly value: number,
    size: number,
  ) {
    this.constant = parameter ? undefined : use.save([size]);
  }

  get ptr(): Pointer {
    return (this.parameter ?? this.constant!).ptr;
  }

  /** Writes the constant, at the start of each forward. */
  fill(): void {
    this.constant?.f32.fill(this.value);
  }
}

/**
 * One use of the layer norm kernels: its sizes, and what its forward saves for its backward. x is [samples,
 * groups, d], and each row of d numbers is normalized. LayerNorm has one group; GroupNorm of [N, C] has rows
 * of C/groups channels.
 */
export class RowNorm {
  private readonly shape: Struct<LayerNormShape, 'LayerNormShape'>;
  private readonly statistics: Slot;
  private readonly weight: ParameterOrConstant;
  private readonly bias: ParameterOrConstant;

  constructor(
    use: Use,
    private readonly affine: Affine,
    sizes: LayerNormShape,
  ) {
    const { samples, groups, d } = sizes;
    this.shape = use.struct(LayerNormShape, sizes);
    this.statistics = use.save([samples * groups, 4]);
    this.weight = new ParameterOrConstant(use, affine.weight, 1, groups * d);
    this.bias = new ParameterOrConstant(use, affine.bias, 0, groups * d);
    use.reserveScratch(withStruct(LayerNormShape, sizes, (ptr) => extra().layerNormScratch(ptr)));
  }

  run({ x, y }: Use): void {
    const { shape, statistics, weight, bias } = this;
    weight.fill();
    bias.fill();
    const { samples } = shape.values;
    extra().layerNormForward(y, statistics.ptr, x, weight.ptr, bias.ptr, shape.ptr, 0, samples);
  }

  /** dγ += Σ dy·x̂ and dβ += Σ dy over the samples; dx, including the gradient through the statistics. */
  runBackward(use: Use): void {
    const { shape, statistics, affine, weight } = this;
    const { dx, dy, x, scratch } = use;
    const { samples, groups, d } = shape.values;
    const { layerNormBackward, layerNormAffineBackward } = extra();
    const inputs = [statistics.ptr, dy, x, weight.ptr, shape.ptr] as const;
    layerNormBackward(dx, scratch, ...inputs, 0, samples);
    const [dWeight, dBias] = [use.gradient(affine.weight), use.gradient(affine.bias)];
    layerNormAffineBackward(dWeight, dBias, scratch, shape.ptr, 0, groups * d);
  }
}
