import type { Use, Value } from '../graph/node.ts';
import { BatchNorm } from '../layers/batchnorm/base.ts';
import { Dropout } from '../layers/dropout.ts';
import { Flatten } from '../layers/flatten.ts';
import { Linear } from '../layers/linear.ts';
import { Module } from '../module/module.ts';
import { type Shape, shapeText } from '../tensor/check.ts';
import type { Input, Tensor } from '../tensor/tensor.ts';
import { FoldedWeights, lineOf } from './foldweights.ts';
import { namesOf, outline } from './outline.ts';
import { edgesOf, isWeighted, mixesChannelsOf, sizesOf, type Weighted } from './weighted.ts';

/** A batch norm that `fold` took away, by its dotted name in the model. */
export interface Folded {
  readonly layer: string;
  /** The layer whose weights took it in. */
  readonly into: string;
}

/** A batch norm that `fold` could not take away. */
export interface Kept {
  readonly layer: string;
  readonly reason: string;
}

/** A layer of the folded network, and which tensors it reads: the inputs come first, then the steps'. */
interface Step {
  readonly name: string;
  readonly layer: Module;
  readonly inputs: readonly number[];
  /** Whether it must put out [N, C], since axis 1 was taken for the last. */
  readonly flat: boolean;
}

/**
 * What `fold` returns: the model's layers, each with its name and a copy of its weights, connected as
 * they were, less the batch norms that were folded. In evaluation mode.
 */
export class FoldedNetwork extends Module {
  /** @internal */
  constructor(
    private readonly steps: readonly Step[],
    private readonly output: number,
    /** The batch norms that are gone, in the order of the model. */
    readonly folded: readonly Folded[],
    /** The batch norms that are still there, each with the reason. */
    readonly kept: readonly Kept[],
  ) {
    super();
    this.eval();
  }

  override forward(x: Input | readonly Input[]): Tensor {
    const values = (Array.isArray(x) ? [...x] : [x]) as Input[];
    for (const { name, layer, inputs, flat } of this.steps) {
      const y = layer.forward(inputs.map((i) => values[i]!));
      if (flat && y.shape.length !== 2) {
        throw new RangeError(
          `${this}: ${name} expected to put out [N, C], since a batch norm over axis 1 was folded ` +
            `into it, got ${shapeText(y.shape)}: give the shape, fold(model, shape)`,
        );
      }
      values.push(y);
    }
    return values[this.output] as Tensor;
  }

  override children(): [string, Module][] {
    return [...new Map(this.steps.map(({ name, layer }) => [name, layer]))];
  }
}

/**
 * A network for inference, with batch norms folded into the `Linear` or convolution before them,
 *
 *   W ← a·W      b ← a·b + β − a·mean      with a = γ/√(running variance + eps),
 *
 * or behind them, W ← W·a and b ← b + W·(β − a·mean), where that is exact: not where the layer behind
 * pads with zeros or is transposed, unless β − a·mean is 0. It puts out what `model.predict` does, to 1e-5 of the largest
 * value.
 *
 * ```ts
 * const network = fold(model);
 * const logits = network.predict(image);
 * for (const { layer, reason } of network.kept) console.log(`${layer}: ${reason}`);
 * ```
 *
 * Composites of every kind are followed, also your own; what a `forward` decides by `if` is decided
 * once. The model stays as it is. The network's layers are copies under the same names, so its state
 * dict has the model's keys, less the folded batch norms' and with the biases that took them in.
 * A WeightNorm or SpectralNorm becomes its plain layer.
 *
 * @param shape the input's shape, or an array of shapes, where the model takes several inputs, or its
 *   `forward` looks at shapes
 * @throws RangeError where the model cannot be followed without a shape, or cannot take the shape
 */
export function fold(model: Module, shape?: Shape | readonly Shape[]): FoldedNetwork {
  const [trace, { value: output }] = outline('fold', model, shape);
  const nameOf = namesOf(model);
  const graph = new Graph(trace.uses, output);
  const folded: Folded[] = [];
  const kept: Kept[] = [];
  for (const use of trace.uses) {
    if (!(use.leaf instanceof BatchNorm)) continue;
    const taker = graph.take(use, use.leaf);
    if (typeof taker === 'string') kept.push({ layer: nameOf(use), reason: taker });
    else folded.push({ layer: nameOf(use), into: nameOf(taker) });
  }
  const indices = new Map<Value, number>(trace.inputs.map((value, i) => [value, i]));
  const copies = new Map<object, object>();
  const steps: Step[] = [];
  for (const use of trace.uses) {
    const inputs = use.inputs.map((value) => indices.get(value)!);
    if (graph.gone.has(use)) {
      indices.set(use.output, inputs[0]!);
      continue;
    }
    const original = use.leaf as unknown as Module;
    const layer = (copies.get(original) as Module | undefined) ?? original.copy(copies);
    graph.weights.get(use)?.assignTo(layer as Weighted);
    indices.set(use.output, trace.inputs.length + steps.length);
    steps.push({ name: nameOf(use), layer, inputs, flat: graph.flat.has(use) });
  }
  return new FoldedNetwork(steps, indices.get(output)!, folded, kept);
}

/** A model's uses, and what folding changes about them. */
class Graph {
  readonly gone = new Set<Use>();
  readonly weights = new Map<Use, FoldedWeights>();
  /** Uses of Linear whose last axis a batch norm over axis 1 was folded into. */
  readonly flat = new Set<Use>();

  constructor(
    private readonly uses: readonly Use[],
    private readonly output: Value,
  ) {}

  /** Folds a batch norm, and returns the use that took it in, or why none could. */
  take(use: Use, bn: BatchNorm): Use | string {
    if (!bn.runningMean) return 'it keeps no running statistics';
    if (use.inputs.length > 1) return 'a mask says which positions it normalises';
    const line = lineOf(bn);
    if (line.far !== undefined) {
      return (
        `in channel ${line.far} the mean is so many standard deviations from zero that folding ` +
        'would lose digits'
      );
    }
    const before = this.before(use, bn);
    if (typeof before !== 'string') {
      this.weightsOf(before).scaleOutputs(line);
      return this.done(use, bn, before);
    }
    const behind = this.behind(use, bn, line.b);
    if (typeof behind === 'string') return `${before}; ${behind}`;
    const c = bn.numFeatures;
    const inner = sizesOf(behind.leaf as unknown as Weighted).ins / c;
    const channelOf = (input: number) => (bn.channelsLast ? input % c : Math.floor(input / inner));
    this.weightsOf(behind).scaleInputs(line, channelOf);
    return this.done(use, bn, behind);
  }

  private done(use: Use, bn: BatchNorm, taker: Use): Use {
    this.gone.add(use);
    if (taker.leaf instanceof Linear && !bn.channelsLast) this.flat.add(taker);
    return taker;
  }

  private weightsOf(use: Use): FoldedWeights {
    const known = this.weights.get(use);
    if (known) return known;
    const weights = new FoldedWeights(use.leaf as unknown as Weighted);
    this.weights.set(use, weights);
    return weights;
  }

  /** The use before a batch norm that can take it in, or why not. */
  private before(use: Use, bn: BatchNorm): Use | string {
    for (let value = use.inputs[0]!; ; ) {
      const { producer } = value;
      if (!producer) return "before it stands the model's input";
      const { leaf } = producer;
      if (isWeighted(leaf)) {
        if (value.consumers.length > 1 || value === this.output) {
          return `what ${leaf} before it puts out is also read elsewhere`;
        }
        if (!mixesChannelsOf(bn, leaf, use.inputs[0]!) || sizesOf(leaf).outs !== bn.numFeatures) {
          return `its channels are not those of ${leaf} before it`;
        }
        return this.shared(producer) ? `${leaf} before it stands at several places` : producer;
      }
      const passes = leaf instanceof Dropout || this.gone.has(producer);
      if (!passes || value.consumers.length > 1) return `before it stands ${leaf}`;
      value = producer.inputs[0]!;
    }
  }

  /** The use behind a batch norm that can take it in, or why not; b: what it adds. */
  private behind(use: Use, bn: BatchNorm, b: Float64Array): Use | string {
    let flattened = false;
    for (let value = use.output; ; ) {
      if (value === this.output) return "behind it stands the model's output";
      const [next] = value.consumers;
      if (!next || value.consumers.length > 1) return 'several layers read what it puts out';
      const { leaf } = next;
      if (isWeighted(leaf)) {
        const { ins } = sizesOf(leaf);
        const fits = flattened
          ? leaf instanceof Linear && ins % bn.numFeatures === 0
          : mixesChannelsOf(bn, leaf, value) && ins === bn.numFeatures;
        if (!fits) return `its channels are not those of ${leaf} behind it`;
        if (this.shared(next)) return `${leaf} behind it stands at several places`;
        const edges = edgesOf(leaf);
        if (edges && b.some((shift) => shift !== 0)) return `${leaf} behind it ${edges}`;
        return next;
      }
      const flattens = leaf instanceof Flatten && leaf.startDim === 1 && leaf.endDim === -1;
      if (!flattens && !(leaf instanceof Dropout)) return `behind it stands ${leaf}`;
      flattened ||= flattens;
      value = next.output;
    }
  }

  private shared({ leaf }: Use): boolean {
    return this.uses.filter((use) => use.leaf === leaf).length > 1;
  }
}
