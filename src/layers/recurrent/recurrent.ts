import { settle } from '../../graph/places.ts';
import { Module } from '../../module/module.ts';
import { transpose } from '../../ops/axes.ts';
import { concat } from '../../ops/concat.ts';
import { checkInteger, checkNumber } from '../../tensor/check.ts';
import { uniform } from '../../tensor/init.ts';
import { type Filled, optionsOf } from '../../tensor/options.ts';
import { Parameter } from '../../tensor/parameter.ts';
import { shapeText } from '../../tensor/shape.ts';
import { type Input, Tensor } from '../../tensor/tensor.ts';
import { Dropout } from '../dropout.ts';
import { type Cell, gru, lstm, rnn } from './cells.ts';
import { type PassWeights, recurrentPass } from './pass.ts';

export interface RecurrentOptions {
  /** Layers, each of which reads the output of the one below. Default 1. */
  numLayers?: number;
  /** Whether b_ih and b_hh are learnt. Default true. */
  bias?: boolean;
  /** Whether x and the output are [N, T, …] instead of [T, N, …]. Default false. */
  batchFirst?: boolean;
  /** Probability of dropout between layers, in training. Default 0. */
  dropout?: number;
  /** Whether a second pass reads the sequence from its end; its output stands behind the first one's. Default false. */
  bidirectional?: boolean;
  /**
   * `'output'`, the default: the states of the last layer after each step, PyTorch's `output`. `'last'`: the state
   * after the last step alone, [N, D·hiddenSize], PyTorch's `h_n` of the last layer, its directions side by side.
   */
  returns?: 'output' | 'last';
}

export interface RNNOptions extends RecurrentOptions {
  /** Default `'tanh'`. */
  nonlinearity?: 'tanh' | 'relu';
}

const TABLE = {
  numLayers: 1,
  bias: true,
  batchFirst: false,
  dropout: 0,
  bidirectional: false,
  returns: ['output', 'last'],
} as const;

/** The base of recurrent networks: layers and directions are passes of one cell. */
abstract class Recurrent extends Module {
  readonly numLayers: number;
  readonly batchFirst: boolean;
  readonly bidirectional: boolean;
  readonly returns: 'output' | 'last';
  private readonly between: Dropout;

  constructor(
    readonly inputSize: number,
    readonly hiddenSize: number,
    private readonly cell: Cell,
    options: Filled<RecurrentOptions, typeof TABLE>,
    readonly nonlinearity: 'tanh' | 'relu' = 'tanh',
  ) {
    super();
    const who = this.constructor.name;
    const { numLayers, bias, batchFirst, dropout, bidirectional, returns } = options;
    checkInteger(who, 'inputSize', inputSize);
    checkInteger(who, 'hiddenSize', hiddenSize);
    checkInteger(who, 'numLayers', numLayers);
    checkNumber(who, 'dropout', dropout, 0, 1);
    this.numLayers = numLayers;
    this.batchFirst = batchFirst;
    this.bidirectional = bidirectional;
    this.returns = returns;
    this.between = new Dropout(dropout);
    const wide = cell.gates * hiddenSize;
    const bound = 1 / Math.sqrt(hiddenSize);
    for (let layer = 0; layer < numLayers; layer++) {
      const inputs = layer === 0 ? inputSize : this.directions.length * hiddenSize;
      for (const direction of this.directions) {
        const suffix = `_l${layer}${direction}`;
        const shapes = { weight_ih: [wide, inputs], weight_hh: [wide, hiddenSize] };
        const biases = bias ? { bias_ih: [wide], bias_hh: [wide] } : {};
        for (const [name, shape] of Object.entries({ ...shapes, ...biases })) {
          const parameter = new Parameter(Tensor.zeros(shape));
          uniform(parameter, -bound, bound);
          Object.assign(this, { [name + suffix]: parameter });
        }
      }
    }
    settle(this);
  }

  /** Dropout between layers. */
  get dropout(): number {
    return this.between.p;
  }

  /** @internal Whether biases are added. */
  get hasBias(): boolean {
    return this.weightsOf('_l0').biasIh !== undefined;
  }

  /** How the parameters of the directions end. */
  private get directions(): readonly string[] {
    return this.bidirectional ? ['', '_reverse'] : [''];
  }

  override forward(x: Input | readonly Input[]): Tensor {
    const [input, ...lengths] = (Array.isArray(x) ? x : [x]) as Tensor[];
    if (lengths.length > 1) {
      throw new RangeError(
        `${this}: expected an input, or an input and lengths, got ${lengths.length + 1} inputs`,
      );
    }
    const order = this.batchFirst ? 'batch, steps' : 'steps, batch';
    if (input!.shape.length !== 3 || input!.shape[2] !== this.inputSize) {
      throw new RangeError(
        `${this}: input expected [${order}, ${this.inputSize}], got ${shapeText(input!.shape)}`,
      );
    }
    let y = this.batchFirst ? transpose(input!, 0, 1) : input!;
    for (let layer = 0; layer < this.numLayers; layer++) {
      if (layer > 0 && this.dropout > 0) y = this.between.forward(y);
      const last = this.returns === 'last' && layer === this.numLayers - 1;
      const passes = this.directions.map((direction) =>
        recurrentPass(
          `${this}`,
          this.cell,
          this.weightsOf(`_l${layer}${direction}`),
          { reverse: direction !== '', last, relu: this.nonlinearity === 'relu' },
          [y, ...lengths],
        ),
      );
      y = passes.length === 1 ? passes[0]! : concat(passes, -1);
    }
    return this.batchFirst && this.returns === 'output' ? transpose(y, 0, 1) : y;
  }

  private weightsOf(suffix: string): PassWeights {
    const own = this as unknown as Record<string, Parameter>;
    return {
      weightIh: own[`weight_ih${suffix}`]!,
      weightHh: own[`weight_hh${suffix}`]!,
      biasIh: own[`bias_ih${suffix}`],
      biasHh: own[`bias_hh${suffix}`],
    };
  }

  override toString(): string {
    return `${this.constructor.name}(${this.inputSize}, ${this.hiddenSize})`;
  }
}

/**
 * The simple recurrent network (Elman, 1990): h_t = f(x_t·W_ihᵀ + b_ih + h_(t−1)·W_hhᵀ + b_hh), f = tanh or ReLU
 *
 * ```ts
 * const rnn = new RNN(28, 64, { batchFirst: true, returns: 'last' });
 * rnn.forward(x);                          // [N, T, 28] → [N, 64]
 * rnn.forward([x, lengths]);               // lengths [N]: sequence n ends after lengths[n] steps
 * ```
 *
 * Shapes: x [T, N, inputSize] → [T, N, D·hiddenSize] with D = 2 if `bidirectional`, else 1; with `batchFirst`
 * [N, T, …]; with `returns: 'last'` [N, D·hiddenSize]. The first state is 0. With `lengths`, the second input, the
 * output past the end of a sequence is 0, and its last state is that at its own end, as in PyTorch with
 * `pack_padded_sequence`. Parameters: `weight_ih_l0` [hiddenSize, inputSize], `weight_hh_l0` [hiddenSize,
 * hiddenSize], `bias_ih_l0` and `bias_hh_l0` [hiddenSize]; then those of `_l0_reverse`, `_l1` and so on. All are drawn
 * from U(±1/√hiddenSize). As PyTorch's `nn.RNN`; the options and their defaults are in `RNNOptions`.
 *
 * @throws RangeError for sizes that are not whole numbers ≥ 1 or a `dropout` outside [0, 1]; in `forward` for an input
 *   of another shape, and for lengths that are not whole numbers from 1 to T
 */
export class RNN extends Recurrent {
  constructor(inputSize: number, hiddenSize: number, ...rest: [options?: RNNOptions | undefined]) {
    const { nonlinearity, ...options } = optionsOf('RNN', rest, {
      ...TABLE,
      nonlinearity: ['tanh', 'relu'],
    } as const);
    super(inputSize, hiddenSize, rnn, options, nonlinearity);
  }
}

/**
 * Long short-term memory (Hochreiter and Schmidhuber, 1997). With a = x_t·W_ihᵀ + b_ih + h_(t−1)·W_hhᵀ + b_hh:
 *
 *   i = σ(a_i)   f = σ(a_f)   g = tanh(a_g)   o = σ(a_o)
 *   c_t = f·c_(t−1) + i·g     h_t = o·tanh(c_t)
 *
 * Shapes, lengths and names as of `RNN`; a weight's 4·hiddenSize rows are those of i, f, g and o. States and cells are
 * 0 at first. As PyTorch's `nn.LSTM`; the options and their defaults are in `RecurrentOptions`.
 *
 * @throws RangeError as `RNN`
 */
export class LSTM extends Recurrent {
  constructor(
    inputSize: number,
    hiddenSize: number,
    ...rest: [options?: RecurrentOptions | undefined]
  ) {
    super(inputSize, hiddenSize, lstm, optionsOf('LSTM', rest, TABLE));
  }
}

/**
 * The gated recurrent unit (Cho and others, 2014, arXiv:1406.1078). With a = x_t·W_ihᵀ + b_ih and
 * b = h_(t−1)·W_hhᵀ + b_hh:
 *
 *   r = σ(a_r + b_r)   z = σ(a_z + b_z)   n = tanh(a_n + r·b_n)
 *   h_t = (1 − z)·n + z·h_(t−1)
 *
 * Shapes, lengths and names as of `RNN`; a weight's 3·hiddenSize rows are those of r, z and n. As PyTorch's `nn.GRU`;
 * the options and their defaults are in `RecurrentOptions`.
 *
 * @throws RangeError as `RNN`
 */
export class GRU extends Recurrent {
  constructor(
    inputSize: number,
    hiddenSize: number,
    ...rest: [options?: RecurrentOptions | undefined]
  ) {
    super(inputSize, hiddenSize, gru, optionsOf('GRU', rest, TABLE));
  }
}
