import type { Use } from '../../graph/node.ts';
import type { Slot } from '../../graph/slot.ts';
import { Block, offset, type Pointer } from '../../memory/memory.ts';
import { extra } from '../../runtime/extra.ts';
import { checkEps, checkSize } from '../../tensor/check.ts';
import { optionsOf } from '../../tensor/options.ts';
import { Buffer, Parameter } from '../../tensor/parameter.ts';
import { defaultGenerator } from '../../tensor/random.ts';
import type { Shape } from '../../tensor/shape.ts';
import { Tensor } from '../../tensor/tensor.ts';
import { ConvTranspose2d } from '../conv/convtranspose.ts';
import { Reparametrized, type Weighted } from './reparametrized.ts';

export interface SpectralNormOptions {
  /** Rounds of the power iteration in each forward in training. Default 1. */
  nPowerIterations?: number;
  /** The smallest number that Wᵀu and Wv are divided by. Default 1e-12. */
  eps?: number;
}

/** Rounds at the start, from a random u, as in PyTorch's `parametrizations.spectral_norm`. */
const FIRST_ROUNDS = 15;

/**
 * Spectral normalization of a layer (Miyato et al., 2018, arXiv:1802.05957): the layer computes with
 *
 *   w = W/σ      σ = uᵀWv
 *
 * W is trained. It is seen as a matrix [outputs, the rest]; u and v approach its first singular vectors, and
 * σ its largest singular value, the largest factor by which W stretches a vector. So w stretches no vector by
 * more than about 1. Each forward in training takes a round of the power iteration first: v ← Wᵀu/‖Wᵀu‖,
 * then u ← Wv/‖Wv‖. Evaluation and `predict` use u and v as they are. Gradients treat u and v as constants.
 *
 * ```ts
 * const layer = new SpectralNorm(new Linear(784, 200));
 * layer.forward(x);                        // [N, 784] → [N, 200]
 * ```
 *
 * Shapes: the layer's own. `weight_orig` has the shape of the layer's `weight`, `weight_u` [outputs],
 * `weight_v` [the rest]; with the layer's `bias` these are the keys of PyTorch's `nn.utils.spectral_norm`
 * with dim = 0. At the start u is drawn from the default generator, and 15 rounds are taken. The wrapper owns
 * the layer from then on. W = 0 has no direction and gives NaN, as in PyTorch.
 *
 * @throws TypeError for a layer without a weight of two axes or more, and for ConvTranspose2d, whose weight
 *   has its inputs first; RangeError for an nPowerIterations that is not a whole number ≥ 1 or an eps ≤ 0;
 *   else as the layer
 */
export class SpectralNorm<L extends Weighted = Weighted> extends Reparametrized<L> {
  /** W, of the weight's shape. */
  readonly weightOrig: Parameter;
  /** u, [outputs]. */
  readonly weightU: Buffer;
  /** v, [the rest]. */
  readonly weightV: Buffer;
  readonly nPowerIterations: number;
  readonly eps: number;
  #sigma = 0;
  /** For each use [u, v, version]: the u and v of its forward and the version of w computed from them. */
  readonly #saved = new WeakMap<Use, Slot>();

  constructor(layer: L, ...rest: [options?: SpectralNormOptions | undefined]) {
    super(layer);
    const table = { nPowerIterations: 1, eps: 1e-12 };
    const { nPowerIterations, eps } = optionsOf('SpectralNorm', rest, table);
    if (layer instanceof ConvTranspose2d) {
      throw new TypeError(
        `SpectralNorm: expected a weight whose first axis are the outputs, got ${layer}`,
      );
    }
    checkSize('SpectralNorm', 'nPowerIterations', nPowerIterations);
    checkEps('SpectralNorm', eps);
    this.nPowerIterations = nPowerIterations;
    this.eps = eps;
    const [rows, columns] = this.extents;
    this.weightOrig = new Parameter(layer.weight.data);
    this.weightU = new Buffer(Tensor.zeros([rows]));
    this.weightV = new Buffer(Tensor.zeros([columns]));
    defaultGenerator.fill('normal', this.weightU.data.place, 0, 1);
    const scratch = new Block(this.scratchBytes);
    this.iterate(FIRST_ROUNDS, scratch.ptr);
    scratch.release();
    this.take();
    this.settle();
  }

  protected override wrap(layer: L): this {
    const { nPowerIterations, eps } = this;
    const { state } = defaultGenerator;
    const copy = wrapped(layer, { nPowerIterations, eps });
    defaultGenerator.state = state; // its u is the original's
    return copy as this;
  }

  override connect(use: Use, ...shapes: Shape[]): Shape {
    const shape = super.connect(use, ...shapes);
    const [rows, columns] = this.extents;
    this.#saved.set(use, use.save([rows + columns + 1]));
    use.reserveScratch(this.scratchBytes);
    return shape;
  }

  override run(use: Use): void {
    if (use.training) this.iterate(this.nPowerIterations, use.scratch);
    super.run(use);
    if (use.recording) this.saveVectors(this.#saved.get(use)!);
  }

  override runBackward(use: Use): void {
    this.restoreWeight(this.#saved.get(use)!);
    super.runBackward(use);
  }

  protected override computeWeight(): void {
    this.divideBySigma(this.weightU.ptr, this.weightV.ptr);
  }

  /** dW += (dw − u·vᵀ·Σ dw·w)/σ, with dw, u, v and σ of this use. */
  protected override differentiateWeight(use: Use): void {
    const [rows, columns] = this.extents;
    const { ptr } = this.#saved.get(use)!;
    const { target } = this;
    extra().spectralNormBackward(
      use.gradient(this.weightOrig),
      target.gradPtr,
      target.ptr,
      ptr,
      offset(ptr, rows),
      this.#sigma,
      rows,
      columns,
    );
  }

  private get scratchBytes(): number {
    return extra().powerIterationScratch(...this.extents);
  }

  private iterate(rounds: number, scratch: Pointer): void {
    const { weightU: u, weightV: v, weightOrig, eps } = this;
    extra().powerIteration(u.ptr, v.ptr, weightOrig.ptr, ...this.extents, eps, rounds, scratch);
    u.version++;
    v.version++;
  }

  /** w = W/σ with σ = uᵀWv. */
  private divideBySigma(u: Pointer, v: Pointer): void {
    const { target, weightOrig } = this;
    this.#sigma = extra().spectralNormForward(target.ptr, u, v, weightOrig.ptr, ...this.extents);
  }

  private saveVectors(slot: Slot): void {
    const [rows, columns] = this.extents;
    slot.f32.set(this.weightU.data.view());
    slot.f32.set(this.weightV.data.view(), rows);
    slot.i32[rows + columns] = this.computed.from;
  }

  /** Computes w as it was in a use's forward, if another use or a `predict` has computed it since. */
  private restoreWeight({ ptr, i32 }: Slot): void {
    const [rows, columns] = this.extents;
    const version = i32[rows + columns]!;
    if (version === this.computed.from) return;
    this.divideBySigma(ptr, offset(ptr, rows));
    this.target.version++;
    this.computed.from = version;
  }
}

/** Outside of the class: a class that names itself gets a second name from bundlers, which outlines would show. */
function wrapped<L extends Weighted>(layer: L, options: SpectralNormOptions): SpectralNorm<L> {
  return new SpectralNorm(layer, options);
}
