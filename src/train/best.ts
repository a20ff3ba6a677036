import type { StateDict } from '../module/module.ts';
import { unexpected } from '../tensor/check.ts';
import type { EpochSummary, History } from './history.ts';
import type { Metrics } from './metric.ts';
import type { Checked } from './options.ts';

/** Finds the best epoch, and says when there has been none for too long. */
export class Best {
  /** The best so far; what should fall has its sign changed. */
  score = -Infinity;
  /** Epochs since then. */
  bad = 0;
  /** The weights and statistics then, if they are to be restored. */
  weights: StateDict | undefined;

  constructor(
    private readonly history: History<Metrics>,
    private readonly options: Checked,
  ) {}

  /** Sees an epoch that has been validated. */
  see(epoch: EpochSummary<Metrics>, state: () => StateDict): void {
    const { monitor, mode, minDelta, patience = Infinity, restoreBest } = this.options;
    const { loss, accuracy, metrics } = epoch.validation!;
    const value: unknown = { ...metrics, loss, accuracy }[monitor];
    if (typeof value !== 'number') throw unexpected(`fit: monitor: ${monitor}`, 'a number', value);
    const score = mode === 'max' ? value : -value;
    if (score > this.score + minDelta) {
      this.score = score;
      this.bad = 0;
      this.history.best = epoch;
      if (restoreBest) this.weights = state();
    } else {
      this.bad++;
    }
    this.history.stopped = this.bad >= patience;
  }
}
