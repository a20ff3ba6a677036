/** Scaled dot-product attention, head by head: of `MultiheadAttention`. */
import type { Use } from '../../graph/node.ts';
import { Product, type ProductOptions } from '../../graph/product.ts';
import type { Slot } from '../../graph/slot.ts';
import { NULL, offset, type Pointer } from '../../memory/memory.ts';
import { apply, type Operand, TensorOperation } from '../../ops/operation.ts';
import { kernels } from '../../runtime/engine.ts';
import { extra } from '../../runtime/extra.ts';
import { DROPOUT_SCRATCH, defaultGenerator, type GeneratorState } from '../../tensor/random.ts';
import { type Shape, shapeText } from '../../tensor/shape.ts';
import type { Tensor } from '../../tensor/tensor.ts';

/** Queries of a block: its scores, [BLOCK, keys], are all that is ever there of them. */
const BLOCK = 120;

/** The products of a block of `rows` queries. */
interface Products {
  readonly rows: number;
  /** s = q·kᵀ; with dp = do·vᵀ. */
  readonly scores: Product;
  /** o = p·v, and dq = ds·k. */
  readonly mix: Product;
  /** dv = pᵀ·do, and dk = dsᵀ·q; the second adds to what is there. */
  readonly sums: readonly [Product, Product];
}

interface Memo {
  readonly batch: number;
  readonly queries: number;
  readonly keys: number;
  /** Length of a head's vectors. */
  readonly width: number;
  readonly scale: number;
  /** ln Σ exp of each query's scores, [batch, heads, queries]. */
  readonly logSums: Slot;
  readonly blocks: readonly Products[];
  /** By batch, head and block, where its mask of dropout is in the random stream. */
  readonly masks: GeneratorState[];
  /**
   * Where the parts of the scratch begin, in floats: heads of q, k, v, o and their gradients, two blocks of
   * scores, and the random bits of a mask.
   */
  readonly parts: readonly number[];
}

class Attend extends TensorOperation<Memo> {
  constructor(
    who: string,
    private readonly heads: number,
    private readonly causal: boolean,
    /** Probability of a probability to be dropped; 0 in evaluation. */
    private readonly dropout: number,
  ) {
    super(who);
  }

  /** q [N, T, E], k and v [N, S, E], and a mask of padding [N, S] → [N, T, E]. */
  connect(use: Use<Memo>, q: Shape, k: Shape, v: Shape, padding?: Shape): Shape {
    const [batch, queries, embed] = q as [number, number, number];
    const keys = k[1]!;
    if (k[0] !== batch || `${v}` !== `${k}`) {
      throw new RangeError(
        `${this}: key and value expected [${batch}, S, …], both the same, got ${shapeText(k)} and ${shapeText(v)}`,
      );
    }
    if (padding) {
      use.takesIntegers(3);
      if (`${padding}` !== `${[batch, keys]}`) {
        throw new RangeError(
          `${this}: keyPaddingMask expected [${batch}, ${keys}], got ${shapeText(padding)}`,
        );
      }
    }
    const width = embed / this.heads;
    let reserved = 0;
    const product = (sizes: readonly [number, number, number], how?: ProductOptions) => {
      const made = new Product(use, sizes, how);
      reserved = Math.max(reserved, made.scratchBytes);
      return made;
    };
    const blocks: Products[] = [];
    for (let first = 0; first < queries; first += BLOCK) {
      const rows = Math.min(BLOCK, queries - first);
      const same = blocks.find((block) => block.rows === rows);
      blocks.push(
        same ?? {
          rows,
          scores: product([rows, keys, width], { transposeB: 1 }),
          mix: product([rows, width, keys]),
          sums: [
            product([keys, width, rows], { transposeA: 1 }),
            product([keys, width, rows], { transposeA: 1, accumulate: 1 }),
          ],
        },
      );
    }
    const [q1, k1, s1] = [queries * width, keys * width, Math.min(BLOCK, queries) * keys];
    const parts: number[] = [];
    let end = Math.ceil(reserved / 64) * 16;
    for (const size of [q1, k1, k1, q1, q1, k1, k1, s1, s1, DROPOUT_SCRATCH / 4]) {
      parts.push(end);
      end += Math.ceil(size / 16) * 16;
    }
    use.reserveScratch(4 * end);
    // 1/√d, in plain arithmetic: the same on every engine.
    const scale = 1 / Math.sqrt(width);
    const logSums = use.save([batch, this.heads, queries]);
    use.memo = { batch, queries, keys, width, scale, logSums, blocks, masks: [], parts };
    use.keeps({ input: true });
    return q;
  }

  run(use: Use<Memo>): void {
    const { queries, keys, width, scale, logSums, blocks, parts } = use.memo;
    const { scratch } = use;
    const generator = defaultGenerator;
    const [q, k, v, o, , , , s] = parts.map((at) => offset(scratch, at)) as Pointer[];
    this.eachHead(use, (n, h) => {
      this.gather(use, q!, use.x, n, h, queries);
      this.gather(use, k!, use.input(1), n, h, keys);
      this.gather(use, v!, use.input(2), n, h, keys);
      blocks.forEach(({ rows, scores, mix }, i) => {
        const first = i * BLOCK;
        const l = offset(logSums.ptr, (n * this.heads + h) * queries + first);
        scores.run(s!, offset(q!, first * width), k!, scratch);
        const mask = this.padding(use, n);
        extra().attentionSoftmax(s!, l, mask, keys, first, this.causal ? 1 : 0, scale, rows);
        if (this.dropout > 0) {
          use.memo.masks[(n * this.heads + h) * blocks.length + i] = generator.draw(rows * keys);
          this.drop(use, s!, s!, n, h, i, rows);
        }
        mix.run(offset(o!, first * width), s!, v!, scratch);
      });
      this.scatter(use, use.y, o!, n, h, queries);
    });
  }

  /** dv = pᵀ·do,  dp = do·vᵀ,  ds = scale·p∘(dp − Σ p∘dp),  dq = ds·k,  dk = dsᵀ·q */
  runBackward(use: Use<Memo>): void {
    const { queries, keys, width, scale, logSums, blocks, parts } = use.memo;
    const { scratch } = use;
    const pointers = parts.map((at) => offset(scratch, at));
    const [q, k, v, dO, dq, dk, dv, p, dp] = pointers as Pointer[];
    const [toQ, toK, toV] = [0, 1, 2].map((i) => use.inputGradient(i));
    this.eachHead(use, (n, h) => {
      this.gather(use, q!, use.x, n, h, queries);
      this.gather(use, k!, use.input(1), n, h, keys);
      this.gather(use, v!, use.input(2), n, h, keys);
      this.gather(use, dO!, use.dy, n, h, queries);
      blocks.forEach(({ rows, scores, mix, sums }, i) => {
        const first = i * BLOCK;
        const at = first * width;
        const l = offset(logSums.ptr, (n * this.heads + h) * queries + first);
        const mask = this.padding(use, n);
        const causal = this.causal ? 1 : 0;
        // Only the first block overwrites dk and dv.
        const into = i === 0 ? sums[0] : sums[1];
        scores.run(p!, offset(q!, at), k!, scratch);
        extra().attentionProbabilities(p!, l, mask, keys, first, causal, scale, rows);
        const dropped = this.dropout > 0 ? dp! : p!;
        this.drop(use, dropped, p!, n, h, i, rows);
        into.run(dv!, dropped, offset(dO!, at), scratch);
        scores.run(dp!, offset(dO!, at), v!, scratch);
        this.drop(use, dp!, dp!, n, h, i, rows);
        extra().attentionScoresBackward(dp!, p!, keys, scale, rows);
        mix.run(offset(dq!, at), dp!, k!, scratch);
        into.run(dk!, dp!, offset(q!, at), scratch);
      });
      if (toQ) this.scatter(use, toQ, dq!, n, h, queries);
      if (toK) this.scatter(use, toK, dk!, n, h, keys);
      if (toV) this.scatter(use, toV, dv!, n, h, keys);
    });
  }

  private eachHead(use: Use<Memo>, visit: (n: number, h: number) => void): void {
    for (let n = 0; n < use.memo.batch; n++) {
      for (let h = 0; h < this.heads; h++) visit(n, h);
    }
  }

  /** Copies a head's part of [N, steps, E] to [steps, width]. */
  private gather(use: Use<Memo>, to: Pointer, from: Pointer, n: number, h: number, steps: number) {
    const { width } = use.memo;
    const embed = width * this.heads;
    const part = offset(from, n * steps * embed + h * width);
    kernels().copyRows(to, part, steps, width, width, embed);
  }

  private scatter(use: Use<Memo>, to: Pointer, from: Pointer, n: number, h: number, steps: number) {
    const { width } = use.memo;
    const embed = width * this.heads;
    const part = offset(to, n * steps * embed + h * width);
    kernels().copyRows(part, from, steps, width, embed, width);
  }

  /** y = x·m of a block of probabilities, with the mask of the block; y = x if nothing is dropped. */
  private drop(
    use: Use<Memo>,
    y: Pointer,
    x: Pointer,
    n: number,
    h: number,
    i: number,
    rows: number,
  ) {
    const { keys, blocks, masks, parts } = use.memo;
    const size = rows * keys;
    const mask = masks[(n * this.heads + h) * blocks.length + i];
    if (!mask) {
      if (y !== x) kernels().copyRows(y, x, 1, size, size, size);
      return;
    }
    const bits = offset(use.scratch, parts.at(-1)!);
    kernels().dropout(y, x, this.dropout, mask.seed, mask.counter, 0, size, bits);
  }

  private padding(use: Use<Memo>, n: number): Pointer<'PaddingMask'> {
    if (use.inputs.length < 4) return NULL as Pointer<'PaddingMask'>;
    return offset(use.input(3), n * use.memo.keys) as Pointer<'PaddingMask'>;
  }
}

/** softmax(q·kᵀ/√d)·v of each head. */
export function attend(
  who: string,
  heads: number,
  causal: boolean,
  dropout: number,
  operands: readonly Operand[],
): Tensor {
  return apply(new Attend(who, heads, causal, dropout), operands, 3);
}
