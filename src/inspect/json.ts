import { describe } from '../tensor/check.ts';
import { checkReport } from './checkreport.ts';
import type { WatchReport } from './report.ts';

/** The numbers that JSON lacks, as texts. */
const SPECIAL = ['NaN', 'Infinity', '-Infinity', '-0'];

/**
 * A report as JSON that loses nothing: NaN, infinities and −0 become the texts "NaN", "Infinity", "-Infinity"
 * and "-0", where `JSON.stringify` alone would write null and 0. `reportFromJSON` reads it.
 *
 * @throws TypeError if `report` is not what `watcher.report()` returned
 */
export function reportToJSON(report: WatchReport): string {
  checkReport('reportToJSON', report);
  return JSON.stringify(report, (_name, value) => {
    if (typeof value !== 'number') return value;
    return Number.isFinite(value) && !Object.is(value, -0) ? value : textOf(value);
  });
}

/**
 * The report that `reportToJSON` wrote.
 *
 * @throws TypeError if the text is no JSON, or no report
 */
export function reportFromJSON(text: string): WatchReport {
  const report = parsed(text);
  checkReport('reportFromJSON', report);
  return report;
}

function parsed(text: string): WatchReport {
  try {
    return JSON.parse(text, (name, value) => {
      return TEXTS.has(name) || !SPECIAL.includes(value) ? value : Number(value);
    });
  } catch (cause) {
    const got = describe(text);
    throw new TypeError(`reportFromJSON: expected the text of reportToJSON, got ${got}`, { cause });
  }
}

/** Properties that hold texts: a layer may be named NaN. */
const TEXTS = new Set(['name', 'kind', 'model']);

function textOf(value: number): string {
  return Object.is(value, -0) ? '-0' : `${value}`;
}
