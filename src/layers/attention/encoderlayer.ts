import { Module } from '../../module/module.ts';
import { add } from '../../ops/arithmetic.ts';
import { checkInteger, checkNumber } from '../../tensor/check.ts';
import { optionsOf } from '../../tensor/options.ts';
import type { Input, Tensor } from '../../tensor/tensor.ts';
import { GELU } from '../activation/gelu.ts';
import { ReLU } from '../activation/relu.ts';
import { Dropout } from '../dropout.ts';
import { Linear } from '../linear.ts';
import { LayerNorm } from '../norm/layernorm.ts';
import { MultiheadAttention } from './attention.ts';

export interface TransformerEncoderLayerOptions {
  /** Width between the two linear maps. Default 2048. */
  dimFeedforward?: number;
  /** Probability of dropout, of attention weights too, in training. Default 0.1. */
  dropout?: number;
  /** Default `'relu'`. */
  activation?: 'relu' | 'gelu';
  /** Added to the variance in both layer norms. Default 1e-5. */
  layerNormEps?: number;
  /** Whether x is [N, T, E] instead of [T, N, E]. Default false. */
  batchFirst?: boolean;
  /** Whether the norms stand before attention and feed-forward instead of after the sums. Default false. */
  normFirst?: boolean;
  /** Whether a position sees only itself and those before it. Default false. */
  causal?: boolean;
}

/**
 * A layer of the transformer's encoder (Vaswani and others, 2017):
 *
 *   x = norm1(x + attention(x))           with `normFirst`   x = x + attention(norm1(x))
 *   y = norm2(x + feedForward(x))                            y = x + feedForward(norm2(x))
 *   feedForward(x) = linear2(activation(linear1(x)))
 *
 * with dropout after attention, activation and feed-forward.
 *
 * ```ts
 * const layer = new TransformerEncoderLayer(64, 8, { dimFeedforward: 256, batchFirst: true });
 * layer.forward(x);                          // [N, T, 64] → [N, T, 64]
 * layer.forward([x, padding]);               // padding [N, T]: 1 where a position is to be ignored, else 0
 * ```
 *
 * Shapes: x [T, N, dModel], with `batchFirst` [N, T, dModel]; the output has x's. As PyTorch's
 * `nn.TransformerEncoderLayer`: the same equations, names of parameters and defaults.
 *
 * @throws RangeError for sizes that `MultiheadAttention` refuses, and in `forward` for inputs of other shapes
 */
export class TransformerEncoderLayer extends Module {
  readonly self_attn: MultiheadAttention;
  readonly linear1: Linear;
  readonly linear2: Linear;
  readonly norm1: LayerNorm;
  readonly norm2: LayerNorm;
  readonly normFirst: boolean;
  /** @internal */
  readonly activation: ReLU | GELU;
  private readonly dropout: Dropout;
  private readonly dropout1: Dropout;
  private readonly dropout2: Dropout;

  constructor(
    dModel: number,
    nhead: number,
    ...rest: [options?: TransformerEncoderLayerOptions | undefined]
  ) {
    super();
    const who = 'TransformerEncoderLayer';
    const options = optionsOf(who, rest, {
      dimFeedforward: 2048,
      dropout: 0.1,
      activation: ['relu', 'gelu'],
      layerNormEps: 1e-5,
      batchFirst: false,
      normFirst: false,
      causal: false,
    } as const);
    const { dimFeedforward, dropout, batchFirst, causal } = options;
    checkInteger(who, 'dimFeedforward', dimFeedforward);
    checkNumber(who, 'dropout', dropout, 0, 1);
    const norm = { eps: options.layerNormEps };
    this.self_attn = new MultiheadAttention(dModel, nhead, { dropout, batchFirst, causal });
    this.linear1 = new Linear(dModel, dimFeedforward);
    this.linear2 = new Linear(dimFeedforward, dModel);
    this.norm1 = new LayerNorm(dModel, norm);
    this.norm2 = new LayerNorm(dModel, norm);
    this.normFirst = options.normFirst;
    this.activation = options.activation === 'relu' ? new ReLU() : new GELU();
    this.dropout = new Dropout(dropout);
    this.dropout1 = new Dropout(dropout);
    this.dropout2 = new Dropout(dropout);
  }

  override forward(x: Input | readonly Input[]): Tensor {
    const [input, ...mask] = (Array.isArray(x) ? x : [x]) as Tensor[];
    const attention = (x: Tensor) => this.dropout1.forward(this.self_attn.forward([x, ...mask]));
    const feedForward = (x: Tensor) => {
      const wide = this.activation.forward(this.linear1.forward(x));
      return this.dropout2.forward(this.linear2.forward(this.dropout.forward(wide)));
    };
    if (this.normFirst) {
      const y = add(input!, attention(this.norm1.forward(input!)));
      return add(y, feedForward(this.norm2.forward(y)));
    }
    const y = this.norm1.forward(add(input!, attention(input!)));
    return this.norm2.forward(add(y, feedForward(y)));
  }
}
