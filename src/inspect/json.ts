import { describe } from '../tensor/check.ts';
import type { WatchReport } from './report.ts';

/** The numbers that JSON lacks, and the texts that stand for them. */
const SPECIAL = new Map<number, string>([
  [Number.NaN, 'NaN'],
  [Number.POSITIVE_INFINITY, 'Infinity'],
  [Number.NEGATIVE_INFINITY, '-Infinity'],
]);

/**
 * A report as JSON that loses nothing: NaN and infinities become the texts "NaN", "Infinity" and
 * "-Infinity", where `JSON.stringify` alone would write null. `reportFromJSON` reads it.
 */
export function reportToJSON(report: WatchReport): string {
  return JSON.stringify(report, (_name, value) => SPECIAL.get(value) ?? value);
}

/**
 * The report that `reportToJSON` wrote.
 *
 * @throws SyntaxError if the text is no JSON, TypeError if it is no report
 */
export function reportFromJSON(text: string): WatchReport {
  const report = JSON.parse(text, (name, value) => {
    if (TEXTS.has(name) || typeof value !== 'string') return value;
    const number = Number(value);
    return SPECIAL.get(number) === value ? number : value;
  });
  if (typeof report !== 'object' || report === null || !('history' in report)) {
    throw new TypeError(`reportFromJSON: expected the text of a report, got ${describe(report)}`);
  }
  return report;
}

/** Properties that hold texts: a layer may be named NaN. */
const TEXTS = new Set(['name', 'kind', 'model']);
