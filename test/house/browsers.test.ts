/**
 * The browsers that README.md promises have all that the built files use. The names of what JavaScript and
 * the web got after them, by the versions in MDN's tables of browser compatibility, must not occur.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

/** What Chrome 98, Firefox 97 or Safari 16.4 lacks. */
const LATER = [
  // arrays, typed arrays and strings
  /\.(findLast|findLastIndex|toSorted|toReversed|toSpliced|with|isWellFormed|toWellFormed)\(/,
  /\.(toBase64|toHex|setFromBase64|setFromHex)\(|\bfrom(Base64|Hex)\(|\bfromAsync\(/,
  /\b(Object|Map)\.groupBy\b|\bPromise\.(withResolvers|try)\b|\bError\.(isError|captureStackTrace)\(/,
  /\bMath\.(f16round|sumPrecise)\b|\bRegExp\.escape\b|\bIterator\.(from|concat)\b|\bFloat16Array\b/,
  // buffers
  /\.(transfer|transferToFixedLength|resize)\(|\bmaxByteLength\b|\bAtomics\.(waitAsync|pause)\b/,
  // sets
  /\.(isSubsetOf|isSupersetOf|isDisjointFrom|symmetricDifference)\(/,
  // the web
  /\.throwIfAborted\(|\bAbortSignal\.(any|timeout)\b|\bURL\.(canParse|parse)\(/,
  /\bResponse\.json\(|\bnavigator\.locks\b|\bscheduler\.(yield|postTask)\b/,
  // syntax: regular expressions with v or modifiers, `using`, import attributes
  /\/[a-z]*v[a-z]*\.(test|exec)\(|\(\?[ims]+:|\busing [a-z_$]+\s*=|\bimport[^;(]*\bwith\s*\{/,
  // WebAssembly's
  /\bWebAssembly\.(Tag|Exception|JSTag|Suspending|promising)\b/,
];

/** What is looked for before it is used, as it stands in the file. */
const ASKED_FOR = [/"?captureStackTrace"?/];

const files = readdirSync('dist', { recursive: true, encoding: 'utf8' })
  .filter((name) => /\.js$/.test(name))
  .map((name) => [name, withoutKernels(readFileSync(`dist/${name}`, 'utf8'))] as const);

/** A bundle without its packed kernels, in which any characters may stand beside each other. */
function withoutKernels(text: string): string {
  return text.replace(/(["'`])(?:(?!\1)[^\\]|\\.){5000,}\1/gs, '""');
}

describe('the browsers that README.md promises', () => {
  it.each(files)('have what %s uses', (_, text) => {
    const found = LATER.flatMap((pattern) => text.match(pattern)?.[0] ?? []);
    expect(found.filter((name) => !ASKED_FOR.some((asked) => asked.test(name)))).toEqual([]);
  });

  it('are searched for what came later', () => {
    for (const later of ['list.findLast(f)', 'signal.throwIfAborted()', 'Object.groupBy(a,f)']) {
      expect(LATER.some((pattern) => pattern.test(later))).toBe(true);
    }
  });

  it('are the same in README.md, docs/runtimes.md and the refusal', () => {
    for (const file of ['README.md', 'docs/runtimes.md', 'src/runtime/refusal.ts']) {
      expect(readFileSync(file, 'utf8')).toMatch(/Chrome 98.*Firefox 97, Safari 16\.4/);
    }
  });
});
