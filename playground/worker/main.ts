/** The Worker: it trains one of the two networks. */
import { serve } from 'evenkeel/worker';
import type { Report, Start } from '../protocol.ts';
import { dataOf } from './data.ts';
import { Run } from './run.ts';

serve<Start, Report>(async (start) => {
  const run = new Run(start, await dataOf(start.settings, start.folder));
  return { model: run.model, progress: run.reports() };
});
