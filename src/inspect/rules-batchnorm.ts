import type { Diagnosis } from './diagnosis.ts';
import { percent, recent, say, seriesOf } from './figures.ts';
import type { WatchedBatchNorm, WatchReport } from './report.ts';

/** With fewer samples the validation error of batch norm rises (Wu and He, 2018, figure 1). */
const FEW = 16;

/** The gap between training and evaluation from which on the running statistics lag. */
const GAP = 0.3;

/** Running statistics start at 0 and 1, and are young before this many steps. */
const YOUNG = 50;

interface Norm {
  name: string;
  record: WatchedBatchNorm;
}

/** The rules about batch norm. A rule has one finding, with the worst layer and how many there are. */
export function batchNormRules(report: WatchReport): Diagnosis[] {
  const norms = (report.last?.layers ?? []).flatMap(({ name, batchNorm, output }) =>
    batchNorm && !batchNorm.frozen && output.notFinite === 0 ? [{ name, record: batchNorm }] : [],
  );
  return [...lag(report, norms), ...small(norms)];
}

function lag(report: WatchReport, norms: readonly Norm[]): Diagnosis[] {
  if (report.steps < YOUNG) return [];
  const lagging: { name: string; gap: number }[] = [];
  for (const { name, record } of norms) {
    // Statistics of one batch differ from any average: by about √(1.5/N) if nothing lags.
    const noise = Math.sqrt(1.5 / record.samples);
    const gap = recent(seriesOf(report, name)?.gap ?? []);
    if (gap > Math.max(GAP, 3 * noise)) lagging.push({ name, gap });
  }
  const worst = lagging.find(({ gap }) => lagging.every((other) => other.gap <= gap));
  if (!worst) return [];
  const { meanDistance, sdDistance } = norms.find(({ name }) => name === worst.name)!.record;
  return [
    {
      ...{ what: 'statistics-lag', where: worst.name, severity: 'warning' },
      figures: { gap: worst.gap, meanDistance, sdDistance, layers: lagging.length },
      sentence: `The running statistics of ${worst.name}${others(lagging.length)} are not those of the batches: outputs in evaluation differ from those in training by ${percent(worst.gap)} of their size (means by ${say(meanDistance)} standard deviations, standard deviations by ${percent(sdDistance)}).`,
      advice:
        'Call recomputeStatistics(model, data) before you evaluate, raise momentum (0.1 is usual), or lower the ' +
        'learning rate.',
    },
  ];
}

function small(norms: readonly Norm[]): Diagnosis[] {
  const few = norms.filter(({ record }) => record.samples < FEW);
  const worst = few.find(({ record }) =>
    few.every((other) => other.record.values >= record.values),
  );
  if (!worst) return [];
  const { samples, values } = worst.record;
  // The relative standard error of the variance of m independent normal values is √(2/(m − 1)).
  const error = Math.sqrt(2 / (values - 1));
  return [
    {
      ...{ what: 'small-batch', where: worst.name, severity: 'warning' },
      figures: { samples, values, error, layers: few.length },
      sentence: `The batch statistics of ${worst.name}${others(few.length)} come from ${samples} samples, ${values} values a channel: the variance is off by at least ${percent(error)}.`,
      advice: `Use batches of ${FEW} samples or more, renorm, frozenStatistics, or a norm that does not depend on the batch, such as GroupNorm.`,
    },
  ];
}

function others(count: number): string {
  if (count === 1) return '';
  return ` and ${count - 1} other batch norm${count > 2 ? 's' : ''}`;
}
