/** Rows of a table by their numbers, in float64: y[i] = table[index[i]]. */
type Numbers = ArrayLike<number>;

export function embedding(table: Numbers, index: readonly number[], width: number): Float64Array {
  const y = new Float64Array(index.length * width);
  for (const [i, row] of index.entries()) {
    for (let j = 0; j < width; j++) y[i * width + j] = table[row * width + j]!;
  }
  return y;
}

/** dTable[index[i]] += dy[i] */
export function embeddingGradient(
  dy: Numbers,
  index: readonly number[],
  width: number,
  rows: number,
): Float64Array {
  const slope = new Float64Array(rows * width);
  for (const [i, row] of index.entries()) {
    for (let j = 0; j < width; j++) slope[row * width + j]! += dy[i * width + j]!;
  }
  return slope;
}
