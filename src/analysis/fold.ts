import type { Use, Value } from '../graph/node.ts';
import { BatchNorm } from '../layers/batchnorm/base.ts';
import { Dropout } from '../layers/dropout.ts';
import { Flatten } from '../layers/flatten.ts';
import { Linear } from '../layers/linear.ts';
import { type GraphEnds, GraphModule, type GraphStep } from '../module/graphmodule.ts';
import type { Module } from '../module/module.ts';
import { Buffer, Parameter } from '../tensor/parameter.ts';
import { type Shape, shapeText } from '../tensor/shape.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { affineOf, FoldedWeights } from './foldweights.ts';
import { callOf, graphNames } from './graphof.ts';
import { namesOf, onlyOutput, outline } from './outline.ts';
import { edgesOf, isWeighted, mixesChannelsOf, sizesOf, type Weighted } from './weighted.ts';

/** A batch norm that `fold` removed. */
export interface Folded {
  /** The batch norm's dotted name in the model. */
  readonly layer: string;
  /** The dotted name of the layer that it was folded into. */
  readonly into: string;
}

/** A batch norm that `fold` could not remove. */
export interface Kept {
  /** The batch norm's dotted name in the model. */
  readonly layer: string;
  readonly reason: string;
}

/**
 * The network that `fold` returns: copies of the model's layers under their names, connected as in the
 * model, without the batch norms that were folded. It is in evaluation mode.
 */
export class FoldedNetwork extends GraphModule {
  /** @internal */
  constructor(
    steps: readonly GraphStep[],
    ends: GraphEnds,
    /** @internal Steps whose output must be [N, C], because folding assumed that axis 1 is the last axis. */
    readonly flat: ReadonlySet<string>,
    /** The batch norms that were folded, in the order of the model. */
    readonly folded: readonly Folded[],
    /** The batch norms that were kept, each with the reason. */
    readonly kept: readonly Kept[],
  ) {
    super(steps, ends);
    this.eval();
  }

  protected override check({ name }: GraphStep, y: Tensor): void {
    if (!this.flat.has(name) || y.shape.length === 2) return;
    throw new RangeError(
      `${this}: ${name} expected an output [N, C], because a batch norm over axis 1 was folded ` +
        `into it, got ${shapeText(y.shape)}: pass the input's shape, fold(model, shape)`,
    );
  }
}

/**
 * Makes a network for inference, in which batch norms are folded into the weights of a neighbouring
 * `Linear` or convolution. With a = γ/√(running variance + eps), the layer before the batch norm becomes
 *
 *   W ← a·W      b ← a·b + β − a·mean
 *
 * or, if that is not possible, the layer after it becomes
 *
 *   W ← W·a      b ← b + W·(β − a·mean)
 *
 * If the layer after it pads with zeros or is a transposed convolution, this is possible only if
 * β − a·mean = 0. The network's outputs match those of `model.predict` to within 1e-5 of the largest output.
 *
 * ```ts
 * const network = fold(model);
 * const logits = network.predict(image);
 * for (const { layer, reason } of network.kept) console.log(`${layer}: ${reason}`);
 * ```
 *
 * `fold` traces the model's `forward`, including composites of your own, so an `if` in it is decided once.
 * The model does not change. The network's layers are copies under the same names: its state dict has the
 * model's keys, without those of the folded batch norms and with the biases that folding added. WeightNorm
 * and SpectralNorm are replaced by the plain layer.
 *
 * @param shape the shape of the input, or an array of shapes for several inputs; needed if the model
 *   takes several inputs or its `forward` reads shapes
 * @throws RangeError if the model cannot be traced without a shape, or cannot take the shape; if it has several
 *   outputs; for a Parameter of a composite that its forward reads by itself, and for random draws
 */
export function fold(model: Module, shape?: Shape | readonly Shape[]): FoldedNetwork {
  const [trace, returned] = outline('fold', model, shape);
  const output = onlyOutput('fold', model, returned);
  const nameOf = namesOf(model);
  const graph = new Graph(trace.uses, output);
  const folded: Folded[] = [];
  const kept: Kept[] = [];
  for (const use of trace.uses) {
    if (!(use.leaf instanceof BatchNorm)) continue;
    const target = graph.fold(use, use.leaf);
    if (typeof target === 'string') kept.push({ layer: nameOf(use), reason: target });
    else folded.push({ layer: nameOf(use), into: nameOf(target) });
  }
  const names = graphNames(model, trace);
  const copies = new Map<object, object>();
  const steps: GraphStep[] = [];
  const flat = new Set<string>();
  try {
    for (const use of trace.uses) {
      const name = names.get(use.output)!;
      const called = callOf('fold', use, names);
      if (!called) continue;
      const inputs = called.inputs.map((value) => names.get(value)!);
      if (graph.removed.has(use)) {
        names.set(use.output, inputs[0]!);
        continue;
      }
      const original = called.layer;
      let layer = copies.get(original) as Module | undefined;
      if (!layer) {
        layer = original.plainCopy?.(copies) ?? original.copyInto(copies);
        copies.set(original, layer);
      }
      graph.weights.get(use)?.assignTo(layer as Weighted);
      if (graph.flat.has(use)) flat.add(name);
      steps.push({ name, layer, inputs });
    }
  } catch (error) {
    // Memory was not enough, and nobody has the copies yet. A half-made copy still shares its original's state.
    for (const { layer } of steps) layer.dispose();
    for (const copy of copies.values()) {
      if (copy instanceof Parameter || copy instanceof Buffer) copy.dispose();
    }
    throw error;
  }
  const ends = {
    inputs: trace.inputs.map((value) => names.get(value)!),
    output: names.get(output)!,
  };
  return new FoldedNetwork(steps, ends, flat, folded, kept);
}

/** The uses of a model's layers, and the changes that folding makes to them. */
class Graph {
  /** The uses of batch norms that were folded. */
  readonly removed = new Set<Use>();
  /** The new weights of the layers that batch norms were folded into. */
  readonly weights = new Map<Use, FoldedWeights>();
  /** The uses of Linear that a batch norm over axis 1 was folded into. */
  readonly flat = new Set<Use>();

  constructor(
    private readonly uses: readonly Use[],
    private readonly output: Value,
  ) {}

  /** Folds a batch norm, and returns the use that it was folded into, or the reason why it was kept. */
  fold(use: Use, bn: BatchNorm): Use | string {
    if (!bn.runningMean) return 'it keeps no running statistics';
    if (use.inputs.length > 1) return 'a mask selects the positions that it normalizes';
    const affine = affineOf(bn);
    if (affine.far !== undefined) {
      return (
        `folding would lose precision, because the mean of channel ${affine.far} is too many ` +
        'standard deviations from zero'
      );
    }
    const before = this.before(use, bn);
    if (typeof before !== 'string') {
      this.weightsOf(before).scaleOutputs(affine);
      return this.remove(use, bn, before);
    }
    const after = this.after(use, bn, affine.b);
    if (typeof after === 'string') return `${before}; ${after}`;
    const c = bn.numFeatures;
    const inner = sizesOf(after.leaf as unknown as Weighted).ins / c;
    const channelOf = (input: number) => (bn.channelsLast ? input % c : Math.floor(input / inner));
    this.weightsOf(after).scaleInputs(affine, channelOf);
    return this.remove(use, bn, after);
  }

  /** Removes a batch norm that was folded into `target`. */
  private remove(use: Use, bn: BatchNorm, target: Use): Use {
    this.removed.add(use);
    if (target.leaf instanceof Linear && !bn.channelsLast) this.flat.add(target);
    return target;
  }

  private weightsOf(use: Use): FoldedWeights {
    const known = this.weights.get(use);
    if (known) return known;
    const weights = new FoldedWeights(use.leaf as unknown as Weighted);
    this.weights.set(use, weights);
    return weights;
  }

  /** The use before a batch norm that it can be folded into, or the reason why there is none. */
  private before(use: Use, bn: BatchNorm): Use | string {
    for (let value = use.inputs[0]!; ; ) {
      const { producer } = value;
      if (!producer) return "it reads the model's input";
      const { leaf } = producer;
      if (isWeighted(leaf)) {
        if (value.consumers.length > 1 || value === this.output) {
          return `the output of ${leaf} before it is also read elsewhere`;
        }
        if (!mixesChannelsOf(bn, leaf, use.inputs[0]!) || sizesOf(leaf).outs !== bn.numFeatures) {
          return `its channels do not match those of ${leaf} before it`;
        }
        return this.shared(producer) ? `${leaf} before it is used in several places` : producer;
      }
      const passes = leaf instanceof Dropout || this.removed.has(producer);
      if (!passes || value.consumers.length > 1) {
        return `it cannot be folded into ${leaf} before it`;
      }
      value = producer.inputs[0]!;
    }
  }

  /**
   * The use after a batch norm that it can be folded into, or the reason why there is none.
   *
   * @param b the offset that the batch norm adds to each channel
   */
  private after(use: Use, bn: BatchNorm, b: Float64Array): Use | string {
    let flattened = false;
    for (let value = use.output; ; ) {
      if (value === this.output) return "its output is the model's output";
      const [next] = value.consumers;
      if (!next || value.consumers.length > 1) return 'several layers read its output';
      const { leaf } = next;
      if (isWeighted(leaf)) {
        const { ins } = sizesOf(leaf);
        const fits = flattened
          ? leaf instanceof Linear && ins % bn.numFeatures === 0
          : mixesChannelsOf(bn, leaf, value) && ins === bn.numFeatures;
        if (!fits) return `its channels do not match those of ${leaf} after it`;
        if (this.shared(next)) return `${leaf} after it is used in several places`;
        const edges = edgesOf(leaf);
        if (edges && b.some((shift) => shift !== 0)) return `${leaf} after it ${edges}`;
        return next;
      }
      const flattens = leaf instanceof Flatten && leaf.startDim === 1 && leaf.endDim === -1;
      if (!flattens && !(leaf instanceof Dropout)) {
        return `it cannot be folded into ${leaf} after it`;
      }
      flattened ||= flattens;
      value = next.output;
    }
  }

  /** Whether a layer is used more than once, so that changing its weights would affect other uses. */
  private shared({ leaf }: Use): boolean {
    return this.uses.filter((use) => use.leaf === leaf).length > 1;
  }
}
