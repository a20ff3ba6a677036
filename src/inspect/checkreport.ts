import { describe } from '../tensor/check.ts';
import type { WatchReport } from './report.ts';

/** @throws TypeError for what is no report of a watch */
export function checkReport(who: string, report: WatchReport): void {
  if (typeof report === 'object' && report !== null && Array.isArray(report.history?.steps)) return;
  throw new TypeError(`${who}: expected what watcher.report() returns, got ${describe(report)}`);
}
