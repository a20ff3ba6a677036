import type { Use } from '../../graph/node.ts';
import { Leaf } from '../../module/leaf.ts';
import { kernels } from '../../runtime/engine.ts';
import { extra } from '../../runtime/extra.ts';
import { checkInteger, checkNumber, type Shape, shapeText, sizeOf } from '../../tensor/check.ts';
import { Parameter } from '../../tensor/parameter.ts';
import { Tensor } from '../../tensor/tensor.ts';

/**
 * y = f(x), element by element: any shape, the same out as in. Backward reads y where that tells f′,
 * so that y can take x's place; otherwise x is kept.
 */
abstract class Elementwise extends Leaf {
  /** Whether f′ is computed from y. */
  protected abstract readonly fromOutput: boolean;

  connect(use: Use, shape: Shape): Shape {
    const { fromOutput } = this;
    use.keeps({ input: !fromOutput, output: fromOutput });
    use.mayOverwriteInput();
    use.mayOverwriteGradient();
    return shape;
  }

  override toString(): string {
    return `${this.constructor.name}()`;
  }
}

/**
 * y = max(x, 0)
 *
 * dx = dy where y > 0, else 0. NaN passes. As PyTorch's `nn.ReLU`.
 */
export class ReLU extends Elementwise {
  override get isReLU(): boolean {
    return true;
  }

  protected get fromOutput(): boolean {
    return true;
  }

  run(use: Use): void {
    kernels().reluForward(use.y, use.x, 0, use.output.slot.length);
  }

  runBackward(use: Use): void {
    if (use.dx) kernels().reluBackward(use.dx, use.y, use.dy, 0, use.output.slot.length);
  }
}

/**
 * y = min(max(x, 0), 6)
 *
 * dx = dy where 0 < y < 6, else 0. NaN passes. As PyTorch's `nn.ReLU6`.
 */
export class ReLU6 extends Elementwise {
  protected get fromOutput(): boolean {
    return true;
  }

  run(use: Use): void {
    extra().relu6Forward(use.y, use.x, 0, use.output.slot.length);
  }

  runBackward(use: Use): void {
    if (use.dx) extra().relu6Backward(use.dx, use.y, use.dy, 0, use.output.slot.length);
  }
}

/**
 * y = x where x > 0, else negativeSlope·x
 *
 * As PyTorch's `nn.LeakyReLU`.
 *
 * @throws TypeError or RangeError where negativeSlope is no number
 */
export class LeakyReLU extends Elementwise {
  /** @param negativeSlope default 0.01 */
  constructor(readonly negativeSlope = 0.01) {
    super();
    checkNumber('LeakyReLU', 'negativeSlope', negativeSlope);
  }

  protected get fromOutput(): boolean {
    return this.negativeSlope >= 0;
  }

  run(use: Use): void {
    extra().leakyReluForward(use.y, use.x, this.negativeSlope, 0, use.output.slot.length);
  }

  runBackward(use: Use): void {
    if (!use.dx) return;
    const saved = this.fromOutput ? use.y : use.x;
    const { negativeSlope } = this;
    extra().leakyReluBackward(use.dx, saved, use.dy, negativeSlope, 0, use.output.slot.length);
  }

  override toString(): string {
    return `LeakyReLU(${this.negativeSlope})`;
  }
}

export interface PReLUOptions {
  /** The slopes' first value. Default 0.25. */
  init?: number;
}

/**
 * y = x where x > 0, else weight·x, with a learnt slope for all channels together or for each.
 *
 * dweight = Σ x·dy over the elements that are not positive.
 *
 * Shapes: any → the same; with several parameters x is [N, numParameters, …]. `weight`
 * [numParameters]. As PyTorch's `nn.PReLU`; the paper is He et al., 2015 (arXiv:1502.01852).
 *
 * @throws RangeError where numParameters is no whole number ≥ 1, and in forward where there are
 *   several and axis 1 is not as long
 */
export class PReLU extends Leaf {
  readonly weight: Parameter;

  /** @param numParameters 1, or one for each channel; default 1 */
  constructor(
    readonly numParameters = 1,
    { init = 0.25 }: PReLUOptions = {},
  ) {
    super();
    checkInteger('PReLU', 'numParameters', numParameters);
    checkNumber('PReLU', 'init', init);
    this.weight = new Parameter(Tensor.from(new Float32Array(numParameters).fill(init)));
  }

  connect(use: Use, shape: Shape): Shape {
    const c = this.numParameters;
    if (c > 1 && shape[1] !== c) {
      throw new RangeError(`${this}: input expected [N, ${c}, …], got ${shapeText(shape)}`);
    }
    const size = sizeOf(shape);
    const n = c > 1 ? shape[0]! : 1;
    use.memo = { n, inner: size / (n * c) } satisfies PReLUSizes;
    use.keeps({ input: true });
    use.mayOverwriteInput();
    use.mayOverwriteGradient();
    return shape;
  }

  run(use: Use): void {
    const { n, inner } = use.memo as PReLUSizes;
    extra().preluForward(use.y, use.x, this.weight.ptr, this.numParameters, inner, 0, n);
  }

  runBackward(use: Use): void {
    const { n, inner } = use.memo as PReLUSizes;
    const { weight, numParameters: c } = this;
    const { dx, dy, x } = use;
    // The weight's gradient first: dx may stand on dy.
    const dWeight = use.gradient(weight);
    if (dWeight) extra().preluBackwardWeight(dWeight, x, dy, n, c, inner, 0, c);
    if (dx) extra().preluBackward(dx, x, dy, weight.ptr, c, inner, 0, n);
  }

  override toString(): string {
    return `PReLU(${this.numParameters})`;
  }
}

interface PReLUSizes {
  readonly n: number;
  readonly inner: number;
}

/**
 * y = σ(x) = 1 / (1 + e⁻ˣ)
 *
 * dx = dy·y·(1 − y). As PyTorch's `nn.Sigmoid`, but small results keep their relative accuracy down
 * to the denormals. Before a binary loss leave it out and take `BCEWithLogitsLoss`.
 */
export class Sigmoid extends Elementwise {
  protected get fromOutput(): boolean {
    return true;
  }

  run(use: Use): void {
    extra().sigmoidForward(use.y, use.x, 0, use.output.slot.length);
  }

  runBackward(use: Use): void {
    if (use.dx) extra().sigmoidBackward(use.dx, use.y, use.dy, 0, use.output.slot.length);
  }
}

/**
 * y = tanh x
 *
 * dx = dy·(1 − y²). As PyTorch's `nn.Tanh`.
 */
export class Tanh extends Elementwise {
  protected get fromOutput(): boolean {
    return true;
  }

  run(use: Use): void {
    extra().tanhForward(use.y, use.x, 0, use.output.slot.length);
  }

  runBackward(use: Use): void {
    if (use.dx) extra().tanhBackward(use.dx, use.y, use.dy, 0, use.output.slot.length);
  }
}

export interface GELUOptions {
  /** `'tanh'` for y = ½·x·(1 + tanh(√(2/π)·(x + 0.044715·x³))). Default `'none'`. */
  approximate?: 'none' | 'tanh';
}

/**
 * y = x·Φ(x), Φ the standard normal distribution's cumulative function
 *
 * dx = dy·(Φ(x) + x·φ(x)), φ = Φ′. As PyTorch's `nn.GELU`; Hendrycks and Gimpel, 2016
 * (arXiv:1606.08415).
 *
 * @throws RangeError where `approximate` is neither 'none' nor 'tanh'
 */
export class GELU extends Elementwise {
  readonly approximate: 'none' | 'tanh';

  constructor({ approximate = 'none' }: GELUOptions = {}) {
    super();
    if (approximate !== 'none' && approximate !== 'tanh') {
      throw new RangeError(`GELU: approximate expected 'none' or 'tanh', got ${approximate}`);
    }
    this.approximate = approximate;
  }

  protected get fromOutput(): boolean {
    return false;
  }

  run(use: Use): void {
    const n = use.output.slot.length;
    if (this.approximate === 'tanh') extra().geluTanhForward(use.y, use.x, 0, n);
    else extra().geluForward(use.y, use.x, 0, n);
  }

  runBackward(use: Use): void {
    if (!use.dx) return;
    const n = use.output.slot.length;
    if (this.approximate === 'tanh') extra().geluTanhBackward(use.dx, use.x, use.dy, 0, n);
    else extra().geluBackward(use.dx, use.x, use.dy, 0, n);
  }

  override toString(): string {
    return this.approximate === 'tanh' ? 'GELU(tanh)' : 'GELU()';
  }
}

/**
 * y = x·σ(x), also called swish
 *
 * dx = dy·σ(x)·(1 + x·(1 − σ(x))). As PyTorch's `nn.SiLU`.
 */
export class SiLU extends Elementwise {
  protected get fromOutput(): boolean {
    return false;
  }

  run(use: Use): void {
    extra().siluForward(use.y, use.x, 0, use.output.slot.length);
  }

  runBackward(use: Use): void {
    if (use.dx) extra().siluBackward(use.dx, use.x, use.dy, 0, use.output.slot.length);
  }
}

/**
 * y = x where x > 0, else α·(eˣ − 1)
 *
 * dx = dy where x > 0, else dy·(y + α). As PyTorch's `nn.ELU`; Clevert et al., 2015
 * (arXiv:1511.07289).
 *
 * @throws TypeError or RangeError where alpha is no number
 */
export class ELU extends Elementwise {
  /** @param alpha default 1 */
  constructor(readonly alpha = 1) {
    super();
    checkNumber('ELU', 'alpha', alpha);
  }

  protected get fromOutput(): boolean {
    return this.alpha >= 0;
  }

  run(use: Use): void {
    extra().eluForward(use.y, use.x, this.alpha, 0, use.output.slot.length);
  }

  runBackward(use: Use): void {
    if (!use.dx) return;
    const n = use.output.slot.length;
    const { dx, dy } = use;
    if (this.fromOutput) extra().eluBackward(dx, use.y, dy, this.alpha, 0, n);
    else extra().eluBackwardOfInput(dx, use.x, dy, this.alpha, 0, n);
  }

  override toString(): string {
    return `ELU(${this.alpha})`;
  }
}
