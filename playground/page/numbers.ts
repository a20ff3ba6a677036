/** Numbers as texts. */

/** 12000 as '12k', 0.00012 as '1e-4'. */
export function short(value: number): string {
  const size = Math.abs(value);
  if (size >= 1e4) return `${+(value / 1000).toPrecision(3)}k`;
  if (size > 0 && size < 1e-3) return value.toExponential(0).replace('-', '−');
  return String(+value.toPrecision(3)).replace('-', '−');
}
