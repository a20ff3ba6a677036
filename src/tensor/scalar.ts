import { Tensor } from './tensor.ts';

/**
 * A tensor of shape [] that keeps its number in float64: counters go to 2⁵³, float32 counts to 2²⁴ only.
 * `item()` gives the number itself; where a tensor's values are needed it is rounded to float32.
 */
export class Scalar extends Tensor {
  private value: number;

  constructor(value: number) {
    super([], Float32Array.of(value));
    this.value = value;
  }

  override item(): number {
    return this.value;
  }

  override clone(): Tensor {
    return new Scalar(this.value);
  }

  override toJSON(): { shape: []; data: number[] } {
    return { shape: [], data: [this.value] };
  }

  protected override written(): void {
    this.value = this.view()[0]!;
  }
}
