/** What is stored of a work in other libraries. */
import type { Statistic } from '../measure.ts';
import type { Origin } from '../record.ts';
import type { Row } from '../scene.ts';
import type { PeerName } from './support.ts';

/** A work's time in a library, and ours as a share of it. */
export interface Timed {
  value: Statistic;
  ratio: Statistic;
}

/** Why there is no time, in a few words; the error or difference in full. */
export interface Untimed {
  reason: string;
  detail?: string;
}

export interface PeerRow extends Pick<Row, 'group' | 'work' | 'shape' | 'unit'> {
  ours: Statistic;
  theirs: Partial<Record<PeerName, Timed | Untimed>>;
}

export interface PeerRun {
  origin: Origin;
  rows: PeerRow[];
}
