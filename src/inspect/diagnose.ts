import { checkReport } from './checkreport.ts';
import type { Diagnosis, Severity } from './diagnosis.ts';
import type { WatchReport } from './report.ts';
import { activationRules } from './rules-activations.ts';
import { batchNormRules } from './rules-batchnorm.ts';
import { gradientRules } from './rules-gradients.ts';
import { inputRules } from './rules-inputs.ts';

const RANKS: readonly Severity[] = ['error', 'warning', 'hint'];

/**
 * Says what the figures of a watch mean: vanishing or exploding gradients, dead and saturated units, running
 * statistics that lag, batches that are too small, a learning rate that is too high, inputs that are not
 * scaled, a softmax before the cross-entropy, activations that shrink or grow with depth, and numbers that
 * are not finite. Each with the figure that shows it and what to do; the worst come first.
 *
 * ```ts
 * for (const { severity, where, sentence, advice } of diagnose(watcher.report())) {
 *   console.log(`${severity} ${where}: ${sentence} ${advice}`);
 * }
 * ```
 *
 * It looks at the first and the last watched step and at the series between them. A list that is empty means
 * that none of these was found, not that the network is good. docs/inspect.md has the limits of each rule.
 *
 * @throws TypeError if `report` is not what `watcher.report()` returned
 */
export function diagnose(report: WatchReport): Diagnosis[] {
  checkReport('diagnose', report);
  const found = [inputRules, gradientRules, activationRules, batchNormRules].flatMap((rules) =>
    rules(report),
  );
  return RANKS.flatMap((rank) => found.filter(({ severity }) => severity === rank));
}
