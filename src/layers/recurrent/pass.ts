/** One pass over a sequence, in one direction: what the layers of `RNN`, `LSTM` and `GRU` are made of. */
import { RecurrentShape } from '../../generated/kernels.ts';
import type { Given, Use } from '../../graph/node.ts';
import { Product } from '../../graph/product.ts';
import type { Slot } from '../../graph/slot.ts';
import { NULL, offset, type Pointer } from '../../memory/memory.ts';
import type { Struct } from '../../memory/struct.ts';
import { apply, type Operand, TensorOperation, valuesOf } from '../../ops/operation.ts';
import { kernels } from '../../runtime/engine.ts';
import { extra } from '../../runtime/extra.ts';
import type { Parameter } from '../../tensor/parameter.ts';
import { type Shape, shapeText } from '../../tensor/shape.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import type { Cell } from './cells.ts';

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

interface Memo {
  /** Steps of all sequences. */
  readonly rows: number;
  /** h before and after each step, [steps + 1, batch, hidden]; behind it c, if the cell has it. */
  readonly states: Slot;
  /** [steps, batch, gates·hidden], and behind them the products, if the cell has them; then their gradients. */
  readonly gates: Slot;
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
    const { weightIh, weightHh } = this.weights;
    const [wide, inputs] = weightIh.shape as [number, number];
    const hidden = weightHh.shape[1]!;
    const { gates, hasCellStates, hasProducts } = this.cell;
    const { reverse, relu, last } = this.options;
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
    const sums = { transposeA: 1, accumulate: 1 };
    use.reserveScratch(extra().recurrentScratch(batch, hidden, gates));
    use.memo = {
      rows,
      states: use.save([hasCellStates ? 2 : 1, steps + 1, batch, hidden]),
      gates: use.save([hasProducts ? 2 : 1, steps, batch, wide]),
      shape: use.struct(RecurrentShape, {
        steps,
        batch,
        hidden,
        reverse: Number(reverse),
        relu: Number(relu),
        last: Number(last),
      }),
      x: new Product(use, [rows, wide, inputs], { transposeB: 1 }),
      dx: new Product(use, [rows, inputs, wide]),
      dWeightIh: new Product(use, [wide, inputs, rows], sums),
      dWeightHh: new Product(use, [wide, hidden, rows], sums),
    };
    use.keeps({ input: true });
    return last ? [batch, hidden] : [steps, batch, hidden];
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

  /** One product a = x·W_ihᵀ + b_ih for all steps, then step by step. */
  run(use: Use<Memo>): void {
    const { weightIh, weightHh, biasIh, biasHh } = this.weights;
    const { memo, scratch } = use;
    const { states, gates, shape } = memo;
    const { batch } = shape.values;
    const [bIh, bHh] = [biasIh?.ptr ?? NULL, biasHh?.ptr ?? NULL];
    const lengths = lengthsOf(use);
    memo.x.run(gates.ptr, use.x, weightIh.ptr, scratch, bIh);
    const forward = this.cell.forward();
    forward(states.ptr, gates.ptr, weightHh.ptr, bHh, lengths, shape.ptr, 0, batch, scratch);
    extra().recurrentOutput(use.y, states.ptr, lengths, shape.ptr, 0, batch);
  }

  /**
   * The steps give da, the gradient of a, and db, that of the products b = h·W_hhᵀ + b_hh; where b was added to a, both
   * are one. Then dx = da·W_ih, dW_ih += daᵀ·x, dW_hh += dbᵀ·h with the states before each step, db_ih += Σ da and
   * db_hh += Σ db.
   */
  runBackward(use: Use<Memo>): void {
    const { weightIh, weightHh, biasIh, biasHh } = this.weights;
    const { memo, scratch, dx } = use;
    const { rows, states, gates, shape } = memo;
    const { biasBackward } = kernels();
    const { batch, hidden, reverse } = shape.values;
    const wide = weightIh.shape[0]!;
    const da = gates.ptr;
    const db = this.cell.hasProducts ? offset(da, rows * wide) : da;
    // dx alone may be computed later, from the same da.
    if (!use.deferred || !use.output.trained) {
      const dy = use.output.gradient?.ptr ?? NULL;
      const lengths = lengthsOf(use);
      const backward = this.cell.backward();
      backward(da, states.ptr, dy, weightHh.ptr, lengths, shape.ptr, 0, batch, scratch);
    }
    const dBiasIh = use.gradient(biasIh);
    if (dBiasIh) biasBackward(dBiasIh, da, rows, wide, 0, wide);
    const dBiasHh = use.gradient(biasHh);
    if (dBiasHh) biasBackward(dBiasHh, db, rows, wide, 0, wide);
    const dIh = use.gradient(weightIh);
    if (dIh) memo.dWeightIh.run(dIh, da, use.x, scratch);
    const dHh = use.gradient(weightHh);
    const before = offset(states.ptr, reverse ? batch * hidden : 0);
    if (dHh) memo.dWeightHh.run(dHh, db, before, scratch);
    if (dx) memo.dx.run(dx, da, weightIh.ptr, scratch);
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
