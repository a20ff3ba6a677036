import { Module } from '../../module/module.ts';
import { transpose } from '../../ops/axes.ts';
import { checkInteger, checkNumber } from '../../tensor/check.ts';
import { xavierUniform, zeros } from '../../tensor/init.ts';
import { optionsOf } from '../../tensor/options.ts';
import { Parameter } from '../../tensor/parameter.ts';
import { shapeText } from '../../tensor/shape.ts';
import { type Input, Tensor } from '../../tensor/tensor.ts';
import { Linear } from '../linear.ts';
import { attend } from './attend.ts';
import { project } from './project.ts';

export interface MultiheadAttentionOptions {
  /** Probability of an attention weight to be dropped, in training. Default 0. */
  dropout?: number;
  /** Whether the projections add biases. Default true. */
  bias?: boolean;
  /** Whether inputs and output are [N, T, E] instead of [T, N, E]. Default false. */
  batchFirst?: boolean;
  /** Whether query i sees the keys 0 … i alone: PyTorch's causal `attn_mask`. Default false. */
  causal?: boolean;
}

/**
 * Multi-head attention (Vaswani and others, "Attention is all you need", 2017):
 *
 *   head_h = softmax(q_h·k_hᵀ/√d)·v_h,   q, k, v = the query, key and value times W_q, W_k, W_v, in heads of width d
 *   y = concat(head_1, …)·W_oᵀ + b_o
 *
 * ```ts
 * const attention = new MultiheadAttention(64, 8, { batchFirst: true, causal: true });
 * attention.forward(x);                      // [N, T, 64] → [N, T, 64]: self-attention
 * attention.forward([x, padding]);           // padding [N, T]: 1 where a key is to be ignored, else 0
 * attention.forward([query, key, value]);    // and a mask [N, S] as fourth
 * ```
 *
 * Shapes: query [T, N, embedDim], key and value [S, N, embedDim] → [T, N, embedDim]; with `batchFirst` [N, T, …].
 * Parameters: `in_proj_weight` [3·embedDim, embedDim] and `in_proj_bias`, the rows of W_q, W_k and W_v, and `out_proj`,
 * a Linear. There are never more scores than those of one head's block of 120 queries; the backward pass computes
 * them again. As PyTorch's `nn.MultiheadAttention` with `need_weights=False`, which calls the mask
 * `key_padding_mask`. A query whose keys are all ignored gets NaN, as there.
 *
 * @throws RangeError for sizes that are not whole numbers ≥ 1, an `embedDim` that is no multiple of `numHeads`, or a
 *   `dropout` outside [0, 1]; in `forward` for inputs of other shapes
 */
export class MultiheadAttention extends Module {
  readonly in_proj_weight: Parameter;
  readonly in_proj_bias: Parameter | undefined;
  readonly out_proj: Linear;
  readonly dropout: number;
  readonly batchFirst: boolean;
  readonly causal: boolean;

  constructor(
    readonly embedDim: number,
    readonly numHeads: number,
    ...rest: [options?: MultiheadAttentionOptions | undefined]
  ) {
    super();
    const who = 'MultiheadAttention';
    const table = { dropout: 0, bias: true, batchFirst: false, causal: false };
    const { dropout, bias, batchFirst, causal } = optionsOf(who, rest, table);
    checkInteger(who, 'embedDim', embedDim);
    checkInteger(who, 'numHeads', numHeads);
    checkNumber(who, 'dropout', dropout, 0, 1);
    if (embedDim % numHeads !== 0) {
      throw new RangeError(
        `${who}: embedDim expected a multiple of numHeads, got ${embedDim} for ${numHeads} heads`,
      );
    }
    this.dropout = dropout;
    this.batchFirst = batchFirst;
    this.causal = causal;
    this.in_proj_weight = new Parameter(Tensor.zeros([3 * embedDim, embedDim]));
    xavierUniform(this.in_proj_weight);
    this.in_proj_bias = bias ? new Parameter(Tensor.zeros([3 * embedDim])) : undefined;
    this.out_proj = new Linear(embedDim, embedDim, { bias });
    if (this.out_proj.bias) zeros(this.out_proj.bias);
  }

  override forward(x: Input | readonly Input[]): Tensor {
    const given = (Array.isArray(x) ? x : [x]) as Tensor[];
    if (given.length > 4) {
      throw new RangeError(
        `${this}: expected x, or query, key and value, and a mask after them, got ${given.length} inputs`,
      );
    }
    const mask = given.length % 2 === 0 ? [given.at(-1)!] : [];
    const [query, key = query, value = key] = given.slice(0, given.length - mask.length);
    for (const tensor of [query!, key!, value!]) {
      if (tensor.shape.length === 3 && tensor.shape[2] === this.embedDim) continue;
      throw new RangeError(
        `${this}: input expected [${this.batchFirst ? 'N, T' : 'T, N'}, ${this.embedDim}], got ${shapeText(tensor.shape)}`,
      );
    }
    const who = `${this}`;
    const turn = (tensor: Tensor) => (this.batchFirst ? tensor : transpose(tensor, 0, 1));
    const [q, k, v] = this.turned([query!, key!, value!], turn).map((tensor, part) =>
      project(who, tensor, this.in_proj_weight, this.in_proj_bias, part),
    );
    const dropout = this.training ? this.dropout : 0;
    const y = attend(who, this.numHeads, this.causal, dropout, [q!, k!, v!, ...mask]);
    return turn(this.out_proj.forward(y));
  }

  /** Each tensor with the batch first; one that stands at several places is turned once. */
  private turned(tensors: readonly Tensor[], turn: (tensor: Tensor) => Tensor): Tensor[] {
    const done = new Map(tensors.map((tensor) => [tensor, undefined as Tensor | undefined]));
    return tensors.map((tensor) => {
      const found = done.get(tensor) ?? turn(tensor);
      done.set(tensor, found);
      return found;
    });
  }

  override toString(): string {
    return `MultiheadAttention(${this.embedDim}, ${this.numHeads})`;
  }
}
