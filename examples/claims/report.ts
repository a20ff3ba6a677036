/** The report: one HTML page with its charts, and the same charts as files. */
import { escaped } from '../shared/html.ts';
import type { Experiment, Figure, Result } from './experiment.ts';

export interface Chapter {
  readonly experiment: Experiment;
  readonly results: readonly Result[];
}

const STYLE = `
  :root { color-scheme: light dark; --line: #8884; --quiet: #8889; --good: #1a7f37; --part: #9a6700; --bad: #cf222e; }
  @media (prefers-color-scheme: dark) { :root { --good: #3fb950; --part: #d29922; --bad: #f85149; } }
  body { font: 16px/1.55 system-ui, sans-serif; max-width: 48rem; margin: 2rem auto; padding: 0 1rem; }
  h1 { line-height: 1.2; } h2 { margin-top: 3.5rem; }
  nav table td:first-child, nav table th:first-child { text-align: left; }
  .scroll { overflow-x: auto; }
  table { border-collapse: collapse; }
  th, td { padding: .25rem .7rem; text-align: right; white-space: nowrap; border-bottom: 1px solid var(--line); font-variant-numeric: tabular-nums; }
  th:first-child, td:first-child { text-align: left; padding-left: 0; }
  figure { margin: 1.5rem 0; } figure > div { overflow-x: auto; }
  figcaption { font-size: .9rem; opacity: .8; }
  svg { max-width: 100%; height: auto; }
  .holds { color: var(--good); } .part { color: var(--part); } .not { color: var(--bad); }
  .verdict { border-left: .25rem solid currentColor; padding-left: .75rem; }
  .verdict span { color: CanvasText; }
  .method, footer { font-size: .9rem; opacity: .85; }`;

/** The page, and its figures. */
export function reportOf(
  chapters: readonly Chapter[],
  conditions: Readonly<Record<string, string>>,
): { html: string; figures: Figure[] } {
  const figures: Figure[] = [];
  const bodies = chapters.map(({ experiment, results }) => {
    const drawn = experiment.figures(results).map(named);
    figures.push(...drawn);
    return chapterOf(experiment, results, drawn);
  });
  const rows = chapters.map(({ experiment: { key, title, judge }, results }) => {
    const { holds } = judge(results);
    return `<tr><td><a href="#${key}">(${key}) ${escaped(title)}</a></td><td class="${CLASS[holds]}">${holds}</td></tr>`;
  });
  const html = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>evenkeel: the claims of batch normalization, by experiment</title>
<style>${STYLE}
</style>
<main>
<h1>The claims of batch normalization, by experiment</h1>
<p>Each claim was tested by trainings with evenkeel. ± gives the 95 % confidence interval of the mean over seeds (Student's t). A verdict follows from these numbers by the rule in the experiment's source.${
    conditions.setting === 'quick'
      ? ' <strong>This is the quick setting: one seed and few steps. Its verdicts say little.</strong>'
      : ''
  }</p>
<nav><div class="scroll"><table><tr><th>claim</th><th>verdict</th></tr>
${rows.join('\n')}
</table></div></nav>
${bodies.join('\n')}
</main>
<footer><p>${Object.entries(conditions)
    .map(([name, value]) => `${escaped(name)}: ${escaped(value)}`)
    .join(' · ')}</p></footer>
</html>
`;
  return { html, figures };
}

/** The figure with ids of its own, the same in every process: the plots' ids count all that were drawn. */
function named({ name, caption, svg }: Figure): Figure {
  const ids = [...new Set(svg.match(/plot-(?:clip|marker)-\d+/g))];
  const renamed = ids.reduce(
    (text, id, i) => text.replaceAll(new RegExp(`${id}(?!\\d)`, 'g'), `${name}-part-${i + 1}`),
    svg,
  );
  return { name, caption, svg: renamed };
}

/** The figure as a file: it follows the reader's choice of light or dark. */
export function fileOf({ svg, caption }: Figure): string {
  const colours =
    '<style>:root{color:#222}@media (prefers-color-scheme:dark){:root{color:#ddd}}</style>';
  return svg
    .replace(/color: ?currentColor;?/, '')
    .replace(/^<svg(?![^>]*xmlns=)/, '<svg xmlns="http://www.w3.org/2000/svg"')
    .replace(/^(<svg[^>]*>)/, `$1<title>${escaped(caption)}</title>${colours}`);
}

const CLASS = { holds: 'holds', 'holds in part': 'part', 'does not hold': 'not' };

function chapterOf(
  { key, title, claim, method, context, table, judge }: Experiment,
  results: readonly Result[],
  figures: readonly Figure[],
): string {
  const { holds, because } = judge(results);
  const { head, rows } = table(results);
  const cells = (tag: string, row: readonly string[]) =>
    `<tr>${row.map((cell) => `<${tag}>${escaped(cell)}</${tag}>`).join('')}</tr>`;
  return `<section>
<h2 id="${key}">(${key}) ${escaped(title)}</h2>
<p>${escaped(claim)}</p>
<p class="verdict ${CLASS[holds]}"><strong>The claim ${holds}.</strong> <span>${escaped(because)}</span></p>
<div class="scroll"><table>
${cells('th', head)}
${rows.map((row) => cells('td', row)).join('\n')}
</table></div>
${figures
  .map(
    ({ caption, svg }) =>
      `<figure><div>${svg}</div><figcaption>${escaped(caption)}</figcaption></figure>`,
  )
  .join('\n')}
<p class="method">${escaped(method)}${context ? ` ${escaped(context)}` : ''}</p>
</section>`;
}
