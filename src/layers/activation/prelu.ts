import type { Use } from '../../graph/node.ts';
import { Leaf } from '../../module/leaf.ts';
import { extra } from '../../runtime/extra.ts';
import { checkInteger } from '../../tensor/check.ts';
import { optionsOf } from '../../tensor/options.ts';
import { Parameter } from '../../tensor/parameter.ts';
import { type Shape, shapeText, sizeOf } from '../../tensor/shape.ts';
import { Tensor } from '../../tensor/tensor.ts';

export interface PReLUOptions {
  /** The slopes' first value. Default 0.25. */
  init?: number;
}

/** The input seen as [n, numParameters, inner]. */
interface Sizes {
  readonly n: number;
  readonly inner: number;
}

/**
 * y = x where x > 0, else weight·x, with a learnt slope for all channels together or for each.
 *
 * dweight = Σ x·dy over the elements that are not positive.
 *
 * Shapes: any → the same; with several parameters x is [N, numParameters, …]. `weight`
 * [numParameters]. As PyTorch's `nn.PReLU`; the paper is He et al., 2015 (arXiv:1502.01852).
 *
 * @throws RangeError if numParameters is no whole number ≥ 1, and in forward if there are several
 *   parameters and axis 1 has another length
 */
export class PReLU extends Leaf<Sizes> {
  readonly weight: Parameter;

  /** @param numParameters 1, or one for each channel; default 1 */
  constructor(
    readonly numParameters = 1,
    ...rest: [options?: PReLUOptions | undefined]
  ) {
    super();
    const { init } = optionsOf('PReLU', rest, { init: 0.25 });
    checkInteger('PReLU', 'numParameters', numParameters);
    this.weight = new Parameter(Tensor.from(new Float32Array(numParameters).fill(init)));
    this.settle();
  }

  connect(use: Use<Sizes>, shape: Shape): Shape {
    const c = this.numParameters;
    if (c > 1 && shape[1] !== c) {
      throw new RangeError(`${this}: input expected [N, ${c}, …], got ${shapeText(shape)}`);
    }
    const size = sizeOf(shape);
    const n = c > 1 ? shape[0]! : 1;
    use.memo = { n, inner: size / (n * c) };
    use.keeps({ input: true });
    use.mayOverwriteInput();
    use.mayOverwriteGradient();
    return shape;
  }

  run(use: Use<Sizes>): void {
    const { n, inner } = use.memo;
    extra().preluForward(use.y, use.x, this.weight.ptr, this.numParameters, inner, 0, n);
  }

  runBackward(use: Use<Sizes>): void {
    const { n, inner } = use.memo;
    const { weight, numParameters: c } = this;
    const { dx, dy, x } = use;
    // The weight's gradient first: dx may overwrite dy.
    const dWeight = use.gradient(weight);
    if (dWeight) extra().preluBackwardWeight(dWeight, x, dy, n, c, inner, 0, c);
    if (dx) extra().preluBackward(dx, x, dy, weight.ptr, c, inner, 0, n);
  }

  override toString(): string {
    return `PReLU(${this.numParameters})`;
  }
}
