/** How two lists of samples differ, or nothing. */
export function disagreement(
  theirs: readonly (number | null)[],
  ours: readonly (number | null)[],
  tolerance: number,
): string | undefined {
  if (theirs.length !== ours.length) return `${theirs.length} samples, not ${ours.length}`;
  const largest = Math.max(...ours.map((value) => Math.abs(value ?? Number.NaN)));
  const worst = Math.max(
    ...theirs.map((value, i) => Math.abs((value ?? Number.NaN) - (ours[i] ?? Number.NaN))),
  );
  const share = worst / (largest || 1);
  // A NaN on either side differs too.
  return share <= tolerance ? undefined : `off by ${share.toExponential(1)} of the largest result`;
}
