/** The report's style sheet: one column on a phone, two on wider screens; light and dark. */
export const STYLE = `
  :root { color-scheme: light dark; --line: #8884; --quiet: #5a5a5a; --right: #1a7f37; --wrong: #b04a00; }
  @media (prefers-color-scheme: dark) { :root { --quiet: #aaa; --right: #56d364; --wrong: #ff9b57; } }
  body { font: 16px/1.55 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
  h1 { line-height: 1.2; } h2 { margin: 3rem 0 .5rem; } h3 { margin: 1.5rem 0 .5rem; }
  p { max-width: 42rem; }
  table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
  th { font-weight: 600; }
  .scroll { overflow-x: auto; }
  .results th, .results td { padding: .25rem .75rem; text-align: right; border-bottom: 1px solid var(--line); }
  .results th:first-child { text-align: left; padding-left: 0; font-weight: inherit; }
  .pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 25rem), 1fr)); gap: 1.5rem 2rem; }
  figure { margin: 0; }
  figcaption, caption { font-size: .875rem; color: var(--quiet); }
  figcaption { margin-top: .4rem; }
  svg { max-width: 100%; height: auto; }
  .matrix { font-size: .75rem; width: 100%; table-layout: fixed; }
  .matrix caption { caption-side: bottom; padding-top: .5rem; text-align: left; }
  .matrix th, .matrix td { font-weight: inherit; padding: .3rem 0; text-align: center; }
  .matrix tr > :first-child { width: 4.75rem; text-align: right; padding-right: .4rem; }
  .matrix th span { writing-mode: vertical-rl; transform: rotate(180deg); }
  .matrix th[scope=col] { vertical-align: bottom; }
  .gallery { list-style: none; padding: 0; margin: 0; display: grid; grid-template-columns: repeat(auto-fill, minmax(9.5rem, 1fr)); gap: 1rem; }
  .gallery img { display: block; image-rendering: pixelated; border-radius: .25rem; }
  .gallery strong, .gallery span { display: block; font-size: .875rem; line-height: 1.4; }
  .right { color: var(--right); } .wrong { color: var(--wrong); }
  footer { margin-top: 3rem; border-top: 1px solid var(--line); font-size: .875rem; color: var(--quiet); }
  footer div { display: flex; gap: .5rem; } dt { min-width: 9rem; } dd { margin: 0; }
`;
