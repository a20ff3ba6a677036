import type { Use, Value } from '../graph/node.ts';
import { LogSoftmax, Softmax } from '../layers/activation/softmax.ts';
import { BatchNorm } from '../layers/batchnorm/base.ts';
import { Dropout } from '../layers/dropout.ts';
import { Flatten, Unflatten } from '../layers/flatten.ts';
import type { Module } from '../module/module.ts';
import { checkInteger, type Shape, sizeOf } from '../tensor/check.ts';
import { namesOf, outline } from './outline.ts';
import { isWeighted, mixesChannelsOf } from './weighted.ts';

export type LintRule =
  | 'bias-before-batch-norm'
  | 'batch-norm-last'
  | 'dropout-before-batch-norm'
  | 'small-batch';

/** Something about a model that works, but not as well as it could. */
export interface Finding {
  /** The layer's dotted name in the model. */
  readonly layer: string;
  readonly rule: LintRule;
  readonly message: string;
  readonly wayOut: string;
}

export interface LintOptions {
  /**
   * The input's shape, or an array of shapes: for models that take several inputs or look at shapes, and
   * to count the values a channel that `small-batch` speaks of.
   */
  shape?: Shape | readonly Shape[];
  /** Samples a training step, for `small-batch`. */
  batchSize?: number;
}

/** Below 16 samples batch norm's error rises (Wu and He, 2018, figure 1); there it is level with 32. */
const FEW = 16;

/**
 * What stands in batch norm's way in a model:
 *
 * - `bias-before-batch-norm`: a bias that the mean takes away again
 * - `batch-norm-last`: outputs that depend on what else is in the batch
 * - `dropout-before-batch-norm`: the variance in training is not that of inference (Li et al., 2018,
 *   arXiv:1801.05134)
 * - `small-batch`: statistics of fewer than 16 samples (Wu and He, 2018, arXiv:1803.08494), or of
 *   so small ghosts
 *
 * ```ts
 * for (const { layer, message, wayOut } of lint(model, { batchSize: 32 })) {
 *   console.log(`${layer}: ${message}: ${wayOut}`);
 * }
 * ```
 *
 * @throws RangeError where the model cannot be followed without a shape, or cannot take the shape
 */
export function lint(model: Module, { shape, batchSize }: LintOptions = {}): Finding[] {
  if (batchSize !== undefined) checkInteger('lint', 'batchSize', batchSize);
  const [trace, { value: output }] = outline('lint', model, shape);
  const nameOf = namesOf(model);
  const found = new Map<string, Finding>();
  const note = (use: Use, rule: LintRule, message: string, wayOut: string): void => {
    const layer = nameOf(use);
    found.set(`${layer} ${rule}`, { layer, rule, message, wayOut });
  };
  const last = lastOf(output);
  for (const use of trace.uses) {
    const { leaf: bn } = use;
    if (!(bn instanceof BatchNorm)) continue;
    const biased = bn.frozenStatistics ? undefined : biasBefore(use, bn);
    if (biased) {
      note(
        biased,
        'bias-before-batch-norm',
        `the bias of ${biased.leaf} is wasted: ${nameOf(use)} (${bn}) behind it takes the mean away` +
          (bn.bias ? ', and has a bias of its own' : ''),
        'pass { bias: false }',
      );
    }
    const dropout = dropoutBefore(use);
    if (dropout) {
      note(
        use,
        'dropout-before-batch-norm',
        `${nameOf(dropout)} (${dropout.leaf}) before ${bn} raises the variance in training alone: ` +
          'the running variance is not what inference meets',
        'put the dropout behind the last batch norm',
      );
    }
    if (use === last) {
      note(
        use,
        'batch-norm-last',
        `nothing is learnt behind ${bn}: outputs are scaled to the rest of their batch`,
        'leave it out, or put a layer behind it',
      );
    }
    const few = batchSize === undefined ? undefined : fewSamples(use, bn, batchSize);
    if (few) {
      note(
        use,
        'small-batch',
        `${bn} has statistics of ${few}`,
        'use a larger batch, renorm, frozenStatistics, or a norm without batches such as GroupNorm',
      );
    }
  }
  return [...found.values()];
}

/** The layer with a bias whose output the batch norm alone reads. */
function biasBefore(use: Use, bn: BatchNorm): Use | undefined {
  const [x] = use.inputs as [Value];
  const { producer } = x;
  if (!producer || x.consumers.length > 1) return undefined;
  const { leaf } = producer;
  return isWeighted(leaf) && leaf.bias && mixesChannelsOf(bn, leaf, x) ? producer : undefined;
}

/** A dropout on a way to the batch norm that no other batch norm stands on. */
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

/** The last use that is more than another form of what it reads. */
function lastOf(output: Value): Use | undefined {
  for (let use = output.producer; use; use = use.inputs[0]?.producer) {
    const { leaf } = use;
    const form = [Flatten, Unflatten, Softmax, LogSoftmax, Dropout].some((F) => leaf instanceof F);
    if (!form) return use;
  }
  return undefined;
}

/** What the statistics are of, where that is too little. */
function fewSamples(use: Use, bn: BatchNorm, batchSize: number): string | undefined {
  const count = Math.min(batchSize, bn.virtualBatchSize ?? batchSize);
  if (bn.frozenStatistics || bn.renorm || count >= FEW) return undefined;
  const samples = `${count} sample${count > 1 ? 's' : ''}${count < batchSize ? ' a ghost' : ''}`;
  const [x] = use.inputs as [Value];
  if (x.shape.length === 0) return samples;
  const values = (sizeOf(x.shape) / x.shape[0]! / bn.numFeatures) * count;
  if (values === 1) return 'one value a channel, which training refuses';
  // of m independent normal values, √(2/(m − 1)) of the variance; positions of an image depend on each other
  const error = Math.round(100 * Math.sqrt(2 / (values - 1)));
  return `${samples}, ${values} values a channel: their variance is off by ${error} % or more`;
}
