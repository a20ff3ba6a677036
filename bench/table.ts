/** Tables as text and as Markdown. */
import { spread } from './measure.ts';
import type { PeerRow } from './peers/row.ts';
import { PEERS, type PeerName } from './peers/support.ts';
import type { Row } from './scene.ts';

/** Columns as wide as their widest cell: text to the left, numbers to the right. */
export function tableText(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [header, ...rows];
  const widths = header.map((_, i) => Math.max(...all.map((row) => [...row[i]!].length)));
  const numeric = header.map((_, i) => rows.every((row) => !row[i] || /^[−-]?[\d.]/.test(row[i]!)));
  return all
    .map((row) =>
      row
        .map((cell, i) => {
          const gap = ' '.repeat(widths[i]! - [...cell].length);
          return numeric[i] ? gap + cell : cell + gap;
        })
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** The same as Markdown. */
export function markdown(header: readonly string[], rows: readonly (readonly string[])[]): string {
  return [header, header.map(() => '---'), ...rows]
    .map((row) => `| ${row.join(' | ')} |`)
    .join('\n');
}

/** Three significant digits, never an exponent. */
export function figure(value: number): string {
  if (!Number.isFinite(value)) return '–';
  const size = Math.abs(value);
  return value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3);
}

export function percent(value: number): string {
  return `${(100 * value).toFixed(value < 0.1 ? 1 : 0)} %`;
}

/** '1.07 × (R+S)' or '86 % of P'. */
export function ratioText({ ratio }: Pick<Row, 'ratio'>): string {
  if (!ratio) return '';
  const [sign, ...limit] = ratio.of.split(' ');
  if (sign === '%') return `${(100 * ratio.median).toFixed(0)} % ${limit.join(' ')}`;
  return `${ratio.median.toFixed(2)} × ${limit.join(' ')}`;
}

export function rowsText(rows: readonly Row[]): string {
  const header = ['work', 'shape', 'median', '', '±', 'of its limit', 'of peak', 'bare loops'];
  return tableText(
    header,
    rows.map((row) => [
      row.work,
      row.shape,
      figure(row.value.median),
      row.unit,
      percent(spread(row.value) / 2),
      ratioText(row),
      row.peak ? percent(row.peak.median) : '',
      loopsText(row),
    ]),
  );
}

function loopsText({ loops = {} }: Row): string {
  return Object.entries(loops)
    .map(([name, value]) =>
      name === 'clock' ? `${value.toFixed(2)} GHz` : `${name} ${figure(value)}`,
    )
    .join('  ');
}

/** Our time as a share of each library's, or why there is none. */
export function peersText(
  rows: readonly PeerRow[],
  names = Object.keys(PEERS) as PeerName[],
): string {
  const cell = (result: PeerRow['theirs'][PeerName]) => {
    if (!result) return '';
    return 'ratio' in result ? result.ratio.median.toPrecision(2) : result.reason;
  };
  return tableText(
    ['work', 'shape', 'ours', '', ...names],
    rows.map(({ work, shape, ours, unit, theirs }) => [
      ...[work, shape, figure(ours.median), unit],
      ...names.map((name) => cell(theirs[name])),
    ]),
  );
}
