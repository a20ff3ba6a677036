import type { Use, Value } from '../graph/node.ts';
import { Sigmoid } from '../layers/activation/sigmoid.ts';
import { LogSoftmax, Softmax } from '../layers/activation/softmax.ts';
import { BatchNorm } from '../layers/batchnorm/base.ts';
import { Dropout } from '../layers/dropout.ts';
import { Flatten, Unflatten } from '../layers/flatten.ts';
import { Reparametrized } from '../layers/norm/reparametrized.ts';
import { BCEWithLogitsLoss } from '../losses/bce.ts';
import { CrossEntropyLoss } from '../losses/crossentropy.ts';
import type { Module } from '../module/module.ts';
import { checkInteger } from '../tensor/check.ts';
import { optionsOf } from '../tensor/options.ts';
import { type Shape, sizeOf } from '../tensor/shape.ts';
import { namesOf, outline } from './outline.ts';
import { isWeighted, mixesChannelsOf } from './weighted.ts';

export type LintRule =
  | 'bias-before-batch-norm'
  | 'batch-norm-last'
  | 'dropout-before-batch-norm'
  | 'small-batch'
  | 'activation-before-loss';

/** A place in a model that works, but not as well as it could. */
export interface Finding {
  /** The layer's dotted name in the model. */
  readonly layer: string;
  readonly rule: LintRule;
  readonly message: string;
  /** What to change. */
  readonly wayOut: string;
}

export interface LintOptions {
  /**
   * The shape of the input, or an array of shapes for several inputs. It is needed if the model takes
   * several inputs or its `forward` reads shapes. It also lets `small-batch` count values per channel.
   */
  shape?: Shape | readonly Shape[];
  /** The loss that the model is trained with. The rule `activation-before-loss` applies only if given. */
  loss?: object;
  /** Samples per training step. The rule `small-batch` applies only if this is given. */
  batchSize?: number;
}

/**
 * With fewer than 16 samples the validation error of batch norm rises; with 16 it is as with 32 (Wu and
 * He, 2018, figure 1).
 */
const FEW = 16;

const RESHAPING = [Flatten, Unflatten] as const;

/** The losses that contain an activation, and that activation. */
const CONTAINED = [
  [CrossEntropyLoss, Softmax, LogSoftmax],
  [BCEWithLogitsLoss, Sigmoid],
] as const;

/**
 * Finds places in a model where layers are not used well. Nothing is computed.
 *
 * - `bias-before-batch-norm`: batch norm subtracts the mean, and with it the bias of the layer before.
 * - `batch-norm-last`: the model's outputs depend on the other samples in the batch.
 * - `dropout-before-batch-norm`: the variance in training differs from that in inference (Li et al., 2018,
 *   arXiv:1801.05134).
 * - `small-batch`: statistics come from a batch, or from ghosts, of fewer than 16 samples (Wu and He,
 *   2018, arXiv:1803.08494).
 * - `activation-before-loss`: the loss contains the softmax or sigmoid that the model ends with.
 *
 * ```ts
 * for (const { layer, message, wayOut } of lint(model, { batchSize: 32 })) {
 *   console.log(`${layer}: ${message}: ${wayOut}`);
 * }
 * ```
 *
 * @throws RangeError if the model cannot be traced without a shape, or cannot take the shape
 */
export function lint(model: Module, ...rest: [options?: LintOptions | undefined]): Finding[] {
  const table = { shape: undefined, batchSize: undefined, loss: undefined };
  const { shape, batchSize, loss } = optionsOf('lint', rest, table);
  if (batchSize !== undefined) checkInteger('lint', 'batchSize', batchSize);
  const [trace, { values: outputs }] = outline('lint', model, shape);
  const nameOf = namesOf(model);
  const found = new Map<string, Finding>();
  const note = (use: Use, rule: LintRule, message: string, wayOut: string): void => {
    const layer = nameOf(use);
    found.set(`${layer} ${rule}`, { layer, rule, message, wayOut });
  };
  const last = outputs.map((output) => lastOf(output));
  const before = outputs.length > 1 ? undefined : lastOf(outputs[0]!, RESHAPING);
  const contained = CONTAINED.find(
    ([Kind, ...activations]) =>
      loss instanceof Kind && activations.some((Activation) => before?.leaf instanceof Activation),
  );
  if (before && contained) {
    note(
      before,
      'activation-before-loss',
      `${loss} takes logits, and computes ${before.leaf instanceof Sigmoid ? 'sigmoid' : 'softmax'} ` +
        `itself: after ${before.leaf} it trains badly`,
      'remove the layer, and apply it to what predict returns where you need probabilities',
    );
  }
  for (const use of trace.uses) {
    const { leaf: bn } = use;
    if (!(bn instanceof BatchNorm)) continue;
    const biased = bn.frozenStatistics ? undefined : biasBefore(use, bn);
    if (biased) {
      note(
        biased,
        'bias-before-batch-norm',
        `the bias of ${biased.leaf} has no effect: ${nameOf(use)} (${bn}) after it subtracts the mean` +
          (bn.bias ? ' and adds its own bias' : ''),
        'pass { bias: false }',
      );
    }
    const dropout = dropoutBefore(use);
    if (dropout) {
      note(
        use,
        'dropout-before-batch-norm',
        `${nameOf(dropout)} (${dropout.leaf}) before ${bn} raises the variance in training only: ` +
          'in inference, the variance is smaller than the running variance',
        'move the dropout after the last batch norm',
      );
    }
    if (last.includes(use)) {
      note(
        use,
        'batch-norm-last',
        `${bn} is the output layer: each output depends on the other samples in the batch`,
        'remove it, or add a layer after it',
      );
    }
    const few = batchSize === undefined ? undefined : fewSamples(use, bn, batchSize);
    if (few) {
      note(
        use,
        'small-batch',
        `${bn} computes its statistics from ${few}`,
        'use a larger batch, renorm, frozenStatistics, or a norm that does not depend on the batch, ' +
          'such as GroupNorm',
      );
    }
  }
  return [...found.values()];
}

/** The layer before a batch norm, if it has a bias and nothing else reads its output. */
function biasBefore(use: Use, bn: BatchNorm): Use | undefined {
  const [x] = use.inputs as [Value];
  const { producer } = x;
  if (!producer || x.consumers.length > 1) return undefined;
  const leaf = producer.leaf instanceof Reparametrized ? producer.leaf.plain : producer.leaf;
  return isWeighted(leaf) && leaf.bias && mixesChannelsOf(bn, leaf, x) ? producer : undefined;
}

/** A dropout before a batch norm, with no other batch norm between the two. */
function dropoutBefore(use: Use): Use | undefined {
  const open = [...use.inputs];
  const seen = new Set(open);
  for (let value = open.pop(); value; value = open.pop()) {
    const { producer } = value;
    if (!producer || producer.leaf instanceof BatchNorm) continue;
    if (producer.leaf instanceof Dropout && producer.leaf.p > 0) return producer;
    for (const input of producer.inputs) {
      if (!seen.has(input)) open.push(input);
      seen.add(input);
    }
  }
  return undefined;
}

/** The use that computes the model's output, ignoring layers of the given kinds after it. */
function lastOf(
  output: Value,
  ignored: readonly unknown[] = [...RESHAPING, Softmax, LogSoftmax, Dropout],
): Use | undefined {
  for (let use = output.producer; use; use = use.inputs[0]?.producer) {
    const { leaf } = use;
    if (!ignored.some((Kind) => leaf instanceof (Kind as typeof Flatten))) return use;
  }
  return undefined;
}

/** Describes the samples that a batch norm's statistics come from, if they are too few. */
function fewSamples(use: Use, bn: BatchNorm, batchSize: number): string | undefined {
  const count = Math.min(batchSize, bn.virtualBatchSize ?? batchSize);
  if (bn.frozenStatistics || bn.renorm || count >= FEW) return undefined;
  const samples = `${count} sample${count > 1 ? 's' : ''}${count < batchSize ? ' per ghost' : ''}`;
  const [x] = use.inputs as [Value];
  if (x.shape.length === 0) return samples;
  const values = (sizeOf(x.shape) / x.shape[0]! / bn.numFeatures) * count;
  if (values === 1) return 'one value per channel, which is an error in training';
  // The relative standard error of the variance of m independent normal values is √(2/(m − 1)). The
  // values of an image depend on each other, so the error is larger there.
  const error = Math.round(100 * Math.sqrt(2 / (values - 1)));
  return `${samples}, ${values} values per channel: the variance has an error of at least ${error} %`;
}
