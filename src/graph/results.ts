/**
 * The tensors that a session returns. They are views of its workspace, and throw once a later step has
 * overwritten it.
 */
import type { View } from '../memory/memory.ts';
import type { Shape } from '../tensor/shape.ts';
import { type Origin, Tensor } from '../tensor/tensor.ts';

/** What results belong to: a session. */
interface Owner {
  readonly generation: number;
  /**
   * The results' values if their workspace was taken.
   *
   * @throws Error unless the results of this generation are still valid
   */
  kept(generation: number): readonly Float32Array[] | undefined;
  inputGradient(generation: number, index: number): View;
}

/** What `forward` returns: readable until the model's next forward. */
export class Result extends Tensor {
  readonly generation: number;

  constructor(
    readonly session: Owner,
    shape: Shape,
    private readonly slot: View,
    /** Which of the outputs it is. */
    private readonly index: number,
  ) {
    super(shape);
    this.generation = session.generation;
  }

  override get origin(): Origin {
    return this;
  }

  override get place(): View | undefined {
    return this.session.kept(this.generation) ? undefined : this.slot;
  }

  override view(): Float32Array {
    return this.session.kept(this.generation)?.[this.index] ?? this.slot.f32;
  }
}

/** What `backward` returns: the gradient with respect to an input, computed when first read. */
export class InputGradient extends Tensor {
  private readonly generation: number;

  constructor(
    private readonly session: Owner,
    shape: Shape,
    private readonly index: number,
  ) {
    super(shape);
    this.generation = session.generation;
  }

  override get place(): View {
    return this.session.inputGradient(this.generation, this.index);
  }
}
