/** A layer as a user writes one. */
import { Layer, type LayerContext, Parameter, Tensor } from '../../src/index.ts';

/** y = scale·x², with one trained scale. */
export class Square extends Layer {
  readonly scale = new Parameter(Tensor.from([0.5]));

  override outputShape(shape: readonly number[]): readonly number[] {
    return shape;
  }

  override compute(x: Float32Array, y: Float32Array, ctx: LayerContext): void {
    ctx.save(ctx.inputShape).set(x);
    const [scale] = ctx.values(this.scale);
    for (let i = 0; i < x.length; i++) y[i] = scale! * x[i]! * x[i]!;
  }

  override differentiate(dy: Float32Array, dx: Float32Array | null, ctx: LayerContext): void {
    const [x] = ctx.saved;
    const [scale] = ctx.values(this.scale);
    const gradient = ctx.gradient(this.scale);
    for (let i = 0; i < dy.length; i++) {
      if (dx) dx[i] = 2 * scale! * x![i]! * dy[i]!;
      if (gradient) gradient[0]! += x![i]! * x![i]! * dy[i]!;
    }
  }
}
