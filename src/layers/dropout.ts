import type { Use } from '../graph/node.ts';
import { Leaf } from '../module/leaf.ts';
import { kernels } from '../runtime/engine.ts';
import { checkNumber } from '../tensor/check.ts';
import { checkInstance, optionsOf } from '../tensor/options.ts';
import {
  DROPOUT_SCRATCH,
  defaultGenerator,
  Generator,
  type GeneratorState,
} from '../tensor/random.ts';
import { type Shape, shapeText } from '../tensor/shape.ts';

export interface DropoutOptions {
  /** The generator of the masks. Default the generator that `manualSeed` sets. */
  generator?: Generator;
}

/** Kept from forward to backward: the mask's first block of the random stream; null if nothing is dropped. */
type Memo = GeneratorState | null;

/**
 * Dropout (Srivastava et al., 2014): in training y = x·m with m = 0 with probability p, else 1/(1 − p);
 * in evaluation y = x. Backward makes the same mask again, dx = dy·m; no mask is stored.
 *
 * ```ts
 * new Sequential(new Linear(784, 200), new ReLU(), new Dropout(0.5), new Linear(200, 10));
 * ```
 *
 * Shape: any; the output has the input's.
 *
 * @throws RangeError unless 0 ≤ p ≤ 1
 */
export class Dropout extends Leaf<Memo> {
  readonly p: number;
  /** @internal */
  readonly generator: Generator;

  /** @param p probability of an element to be dropped, 0.5 */
  constructor(p = 0.5, ...rest: [options?: DropoutOptions | undefined]) {
    super();
    const who = this.constructor.name;
    const { generator } = optionsOf(who, rest, { generator: defaultGenerator });
    checkNumber(who, 'p', p, 0, 1);
    checkInstance(`${who}: generator`, generator, Generator, 'a Generator');
    this.p = p;
    this.generator = generator;
  }

  connect(use: Use<Memo>, shape: Shape): Shape {
    use.keeps({});
    use.mayOverwriteInput();
    use.mayOverwriteGradient();
    use.reserveScratch(DROPOUT_SCRATCH);
    return shape;
  }

  /** Entries of the mask: one for each element. */
  protected maskSize(use: Use<Memo>): number {
    return use.output.slot.length;
  }

  run(use: Use<Memo>): void {
    use.memo = use.training && this.p > 0 ? this.generator.draw(this.maskSize(use)) : null;
    this.apply(use, use.y, use.x);
  }

  runBackward(use: Use<Memo>): void {
    if (use.dx) this.apply(use, use.dx, use.dy);
  }

  /** y = x·m, or y = x if nothing is dropped. */
  private apply(use: Use<Memo>, y: Use['y'], x: Use['x']): void {
    const n = use.output.slot.length;
    const mask = use.memo;
    if (!mask) {
      if (y !== x) kernels().copyRows(y, x, 1, n, n, n);
      return;
    }
    const { seed, counter } = mask;
    const rows = this.maskSize(use);
    if (rows === n) {
      kernels().dropout(y, x, this.p, seed, counter, 0, n, use.scratch);
    } else {
      kernels().dropoutRows(y, x, n / rows, this.p, seed, counter, 0, rows, use.scratch);
    }
  }

  override toString(): string {
    return `${this.constructor.name}(${this.p})`;
  }
}

/**
 * Dropout of whole channels (Tompson et al., 2015): one mask entry for each channel of a sample.
 *
 * Shape: [N, C, H, W]; the output has the input's.
 *
 * @throws RangeError unless 0 ≤ p ≤ 1
 */
export class Dropout2d extends Dropout {
  override connect(use: Use<Memo>, shape: Shape): Shape {
    if (shape.length !== 4) {
      throw new RangeError(`${this}: input expected [N, C, H, W], got ${shapeText(shape)}`);
    }
    return super.connect(use, shape);
  }

  protected override maskSize(use: Use<Memo>): number {
    const [n, c] = use.output.shape as [number, number];
    return n * c;
  }
}

/**
 * Dropout of whole channels of signals: one mask entry for each channel of a sample. As PyTorch's `nn.Dropout1d`.
 *
 * Shape: [N, C, L]; the output has the input's.
 *
 * @throws RangeError unless 0 ≤ p ≤ 1
 */
export class Dropout1d extends Dropout {
  override connect(use: Use<Memo>, shape: Shape): Shape {
    if (shape.length !== 3) {
      throw new RangeError(`${this}: input expected [N, C, L], got ${shapeText(shape)}`);
    }
    return super.connect(use, shape);
  }

  protected override maskSize(use: Use<Memo>): number {
    const [n, c] = use.output.shape as [number, number, number];
    return n * c;
  }
}
