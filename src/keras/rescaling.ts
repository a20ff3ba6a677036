import { Layer, type LayerContext } from '../module/layer.ts';
import { checkNumber } from '../tensor/check.ts';
import { checkCount } from '../tensor/options.ts';
import type { Shape } from '../tensor/shape.ts';

/**
 * y = scale·x + offset
 *
 * dx = scale·dy. Any shape; the output has the input's. As Keras's `Rescaling`, which stands in front of many
 * image models: `new Rescaling(1 / 127.5, -1)`.
 *
 * @throws TypeError or RangeError if scale or offset is no number
 */
export class Rescaling extends Layer {
  /** @param offset default 0 */
  constructor(
    readonly scale: number,
    readonly offset = 0,
    ...rest: []
  ) {
    super();
    checkCount('Rescaling', rest);
    checkNumber('Rescaling', 'scale', scale);
    checkNumber('Rescaling', 'offset', offset);
  }

  outputShape(shape: Shape): Shape {
    return shape;
  }

  compute(x: Float32Array, y: Float32Array, _ctx: LayerContext): void {
    const { scale, offset } = this;
    for (let i = 0; i < x.length; i++) y[i] = scale * x[i]! + offset;
  }

  differentiate(dy: Float32Array, dx: Float32Array | null, _ctx: LayerContext): void {
    const { scale } = this;
    if (dx) for (let i = 0; i < dy.length; i++) dx[i] = scale * dy[i]!;
  }

  override toString(): string {
    return `Rescaling(${this.scale}${this.offset === 0 ? '' : `, ${this.offset}`})`;
  }
}
