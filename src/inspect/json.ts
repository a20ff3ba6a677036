import { checkReport } from './checkreport.ts';
import type { WatchReport } from './report.ts';

/** The numbers that JSON lacks, as texts. */
const SPECIAL = ['NaN', 'Infinity', '-Infinity', '-0'];

/**
 * A report as JSON that loses nothing: NaN, infinities and −0 become the texts "NaN", "Infinity", "-Infinity"
 * and "-0", where `JSON.stringify` alone would write null and 0. `reportFromJSON` reads it.
 */
export function reportToJSON(report: WatchReport): string {
  return JSON.stringify(report, (_name, value) => {
    if (typeof value !== 'number') return value;
    return Number.isFinite(value) && !Object.is(value, -0) ? value : textOf(value);
  });
}

/**
 * The report that `reportToJSON` wrote.
 *
 * @throws SyntaxError if the text is no JSON, TypeError if it is no report
 */
export function reportFromJSON(text: string): WatchReport {
  const report = JSON.parse(text, (name, value) => {
    return TEXTS.has(name) || !SPECIAL.includes(value) ? value : Number(value);
  });
  checkReport('reportFromJSON', report);
  return report;
}

/** Properties that hold texts: a layer may be named NaN. */
const TEXTS = new Set(['name', 'kind', 'model']);

function textOf(value: number): string {
  return Object.is(value, -0) ? '-0' : `${value}`;
}
