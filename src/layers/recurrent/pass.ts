/** One pass over a sequence, in one direction: what the layers of `RNN`, `LSTM` and `GRU` are made of. */
import { GemmShape, RecurrentShape } from '../../generated/kernels.ts';
import type { Given, Use } from '../../graph/node.ts';
import type { Slot } from '../../graph/slot.ts';
import { NULL, offset, type Pointer } from '../../memory/memory.ts';
import type { Struct } from '../../memory/struct.ts';
import { apply, type Operand, TensorOperation, valuesOf } from '../../ops/operation.ts';
import { kernels } from '../../runtime/engine.ts';
import { extra } from '../../runtime/extra.ts';
import type { Parameter } from '../../tensor/parameter.ts';
import { type Shape, shapeText } from '../../tensor/shape.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import type { Cell, Step } from './cells.ts';

/** The parameters of one layer and direction. */
export interface PassWeights {
  /** W_ih, [gates·hidden, inputs]. */
  readonly weightIh: Parameter;
  /** W_hh, [gates·hidden, hidden]. */
  readonly weightHh: Parameter;
  readonly biasIh: Parameter | undefined;
  readonly biasHh: Parameter | undefined;
}

export interface PassOptions {
  readonly reverse: boolean;
  /** Whether only the state after the last step is wanted: [batch, hidden] instead of [steps, batch, hidden]. */
  readonly last: boolean;
  readonly relu: boolean;
}

type Product = Struct<GemmShape, 'GemmShape'>;

interface Memo {
  readonly rows: number;
  /** Before and after each step, [steps + 1, batch, hidden]. */
  readonly h: Slot;
  /** [steps, batch, gates·hidden]; in the backward pass their gradient. */
  readonly gates: Slot;
  /** What else the cell keeps. */
  readonly more: Slot | undefined;
  readonly shape: Struct<RecurrentShape, 'RecurrentShape'>;
  readonly x: Product;
  readonly dx: Product;
  readonly dWeightIh: Product;
  readonly dWeightHh: Product;
}

class RecurrentPass extends TensorOperation<Memo> {
  constructor(
    who: string,
    private readonly cell: Cell,
    private readonly weights: PassWeights,
    private readonly options: PassOptions,
  ) {
    super(who);
  }

  override ownParameters(): Parameter[] {
    return Object.values(this.weights).filter((weight) => weight !== undefined);
  }

  connect(use: Use<Memo>, shape: Shape, lengths?: Shape): Shape {
    const [wide, inputs] = this.weights.weightIh.shape as [number, number];
    const hidden = this.weights.weightHh.shape[1]!;
    if (shape.length !== 3 || shape[2] !== inputs) {
      throw new RangeError(
        `${this}: input expected [steps, batch, ${inputs}], got ${shapeText(shape)}`,
      );
    }
    const [steps, batch] = shape as [number, number, number];
    if (lengths) {
      use.takesIntegers(1);
      if (lengths.length !== 1 || lengths[0] !== batch) {
        throw new RangeError(`${this}: lengths expected [${batch}], got ${shapeText(lengths)}`);
      }
    }
    const rows = steps * batch;
    const product = (
      [m, n, k]: readonly [number, number, number],
      { transposeA = 0, transposeB = 0, accumulate = 0 },
    ): Product => {
      use.reserveScratch(kernels().gemmScratch(m, n, k));
      return use.struct(GemmShape, { m, n, k, transposeA, transposeB, accumulate });
    };
    const sums = { transposeA: 1, accumulate: 1 };
    use.reserveScratch(extra().recurrentScratch(batch, hidden, wide / hidden));
    use.memo = {
      rows,
      h: use.save([steps + 1, batch, hidden]),
      gates: use.save([steps, batch, wide]),
      more: this.cell.saves && use.save(this.cell.saves(steps, batch, hidden)),
      shape: use.struct(RecurrentShape, {
        steps,
        batch,
        hidden,
        reverse: this.options.reverse ? 1 : 0,
      }),
      x: product([rows, wide, inputs], { transposeB: 1 }),
      dx: product([rows, inputs, wide], {}),
      dWeightIh: product([wide, inputs, rows], sums),
      dWeightHh: product([wide, hidden, rows], sums),
    };
    use.keeps({ input: true });
    return this.options.last ? [batch, hidden] : [steps, batch, hidden];
  }

  /** @throws RangeError for a length that is not from 1 to the number of steps */
  override verify(use: Use<Memo>, _training: boolean, given?: Given): void {
    const lengths = use.inputs.length > 1 && given ? valuesOf(use, 1, given) : undefined;
    const steps = use.inputs[0]!.shape[0]!;
    for (let n = 0; n < (lengths?.length ?? 0); n++) {
      const length = lengths![n]!;
      if (Number.isInteger(length) && length >= 1 && length <= steps) continue;
      throw new RangeError(
        `${this}: lengths expected whole numbers from 1 to ${steps}, got ${length} at [${n}]`,
      );
    }
  }

  /** All products of x at once, then step by step. */
  run(use: Use<Memo>): void {
    const { weightIh, biasIh } = this.weights;
    const { memo, scratch } = use;
    const { rows, gates, h } = memo;
    const bias = biasIh?.ptr ?? NULL;
    kernels().gemm(gates.ptr, use.x, weightIh.ptr, bias, memo.x.ptr, 0, 0, rows, scratch);
    this.cell.forward(this.step(use));
    if (this.options.last) {
      const { steps, batch, hidden } = memo.shape.values;
      const size = batch * hidden;
      const at = offset(h.ptr, this.options.reverse ? 0 : steps * size);
      kernels().copyRows(use.y, at, 1, size, size, size);
    } else {
      const { batch } = memo.shape.values;
      extra().recurrentOutput(use.y, h.ptr, lengthsOf(use), memo.shape.ptr, 0, batch);
    }
  }

  /**
   * The steps backward give da, the gradient of the gates. Then dx = da·W_ih, dW_ih += daᵀ·x, dW_hh += daᵀ·h with
   * the states before each step, and each bias += Σ da.
   */
  runBackward(use: Use<Memo>): void {
    const { weightIh, weightHh, biasIh, biasHh } = this.weights;
    const { memo, scratch, dx } = use;
    const { rows, h, gates } = memo;
    const { gemm, biasBackward } = kernels();
    // dx alone may be computed later, from the same da.
    if (!use.deferred || !use.output.trained) this.cell.backward(this.step(use));
    const wide = weightIh.shape[0]!;
    const ofStates = this.cell.gradientOfStates?.(this.step(use)) ?? gates.ptr;
    const { batch, hidden, reverse } = memo.shape.values;
    const before = offset(h.ptr, reverse ? batch * hidden : 0);
    const dbIh = use.gradient(biasIh);
    if (dbIh) biasBackward(dbIh, gates.ptr, rows, wide, 0, wide);
    const dbHh = use.gradient(biasHh);
    if (dbHh) biasBackward(dbHh, ofStates, rows, wide, 0, wide);
    const dIh = use.gradient(weightIh);
    if (dIh) gemm(dIh, gates.ptr, use.x, NULL, memo.dWeightIh.ptr, 0, 0, wide, scratch);
    const dHh = use.gradient(weightHh);
    if (dHh) gemm(dHh, ofStates, before, NULL, memo.dWeightHh.ptr, 0, 0, wide, scratch);
    if (dx) gemm(dx, gates.ptr, weightIh.ptr, NULL, memo.dx.ptr, 0, 0, rows, scratch);
  }

  private step(use: Use<Memo>): Step {
    const { memo, scratch } = use;
    return {
      h: memo.h.ptr,
      gates: memo.gates.ptr,
      more: memo.more?.ptr ?? NULL,
      dy: use.output.gradient?.ptr ?? NULL,
      weight: this.weights.weightHh.ptr,
      bias: this.weights.biasHh?.ptr ?? NULL,
      lengths: lengthsOf(use),
      shape: memo.shape.ptr,
      relu: this.options.relu ? 1 : 0,
      last: this.options.last ? 1 : 0,
      batch: memo.shape.values.batch,
      scratch,
    };
  }
}

function lengthsOf(use: Use): Pointer<'Lengths'> {
  return (use.inputs.length > 1 ? use.input(1) : NULL) as Pointer<'Lengths'>;
}

/** y of one pass over x, [steps, batch, inputs]. */
export function recurrentPass(
  who: string,
  cell: Cell,
  weights: PassWeights,
  options: PassOptions,
  operands: readonly Operand[],
): Tensor {
  return apply(new RecurrentPass(who, cell, weights, options), operands, 1);
}
