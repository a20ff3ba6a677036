import type { Given, Use } from '../graph/node.ts';
import { Leaf } from '../module/leaf.ts';
import { checkIndices, gather, scatter } from '../ops/rows.ts';
import { checkInteger } from '../tensor/check.ts';
import { normal } from '../tensor/init.ts';
import { optionsOf } from '../tensor/options.ts';
import { Parameter } from '../tensor/parameter.ts';
import type { Shape } from '../tensor/shape.ts';
import { Tensor } from '../tensor/tensor.ts';

export interface EmbeddingOptions {
  /**
   * A row that gets no gradient: it is zeros at first, and stays what it is. A negative one counts from the last.
   * Default none.
   */
  paddingIdx?: number;
}

/**
 * A table of vectors, looked up by number: y[…] = weight[index[…]]
 *
 * ```ts
 * const table = new Embedding(1000, 64);
 * table.forward({ data: [3, 14, 159, 26], shape: [1, 4] });    // → [1, 4, 64]
 * ```
 *
 * Shapes: indices […] → […, embeddingDim]; `weight` [numEmbeddings, embeddingDim], drawn from N(0, 1). The
 * gradient of a row is the sum over its places, dW[index] += dy, in their order; indices have no gradient. As
 * PyTorch's `nn.Embedding`.
 *
 * @throws RangeError for sizes that are not whole numbers ≥ 1, or a `paddingIdx` outside the table; in `forward` for
 *   an index that is not whole or that the table does not have
 */
export class Embedding extends Leaf {
  readonly weight: Parameter;
  readonly paddingIdx: number | undefined;

  constructor(
    readonly numEmbeddings: number,
    readonly embeddingDim: number,
    ...rest: [options?: EmbeddingOptions | undefined]
  ) {
    super();
    const { paddingIdx } = optionsOf('Embedding', rest, { paddingIdx: undefined });
    checkInteger('Embedding', 'numEmbeddings', numEmbeddings);
    checkInteger('Embedding', 'embeddingDim', embeddingDim);
    if (paddingIdx !== undefined) {
      checkInteger('Embedding', 'paddingIdx', paddingIdx, -numEmbeddings, numEmbeddings - 1);
    }
    this.paddingIdx =
      paddingIdx !== undefined && paddingIdx < 0 ? numEmbeddings + paddingIdx : paddingIdx;
    this.weight = new Parameter(Tensor.zeros([numEmbeddings, embeddingDim]));
    normal(this.weight);
    if (this.paddingIdx !== undefined) {
      const at = this.paddingIdx * embeddingDim;
      this.weight.data.view().fill(0, at, at + embeddingDim);
    }
    this.settle();
  }

  connect(use: Use, indices: Shape): Shape {
    use.takesIntegers(0);
    use.keeps({ input: true });
    if (this.paddingIdx !== undefined) use.reserveScratch(4 * this.embeddingDim);
    return [...indices, this.embeddingDim];
  }

  /** @throws RangeError for a row that the table does not have */
  override verify(use: Use, _training: boolean, given?: Given): void {
    checkIndices(`${this}`, use, given, this.numEmbeddings);
  }

  run(use: Use): void {
    gather(use, this.weight.ptr, this.embeddingDim);
  }

  /** dW[index] += dy, but for the row of padding. */
  runBackward(use: Use): void {
    const dw = use.gradient(this.weight);
    if (!dw) return;
    scatter(use, dw, this.embeddingDim, this.paddingIdx);
  }

  override toString(): string {
    const padding = this.paddingIdx === undefined ? '' : `, { paddingIdx: ${this.paddingIdx} }`;
    return `Embedding(${this.numEmbeddings}, ${this.embeddingDim}${padding})`;
  }
}
