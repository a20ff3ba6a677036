/** Rows of a table by their numbers: of the function `embedding` and the layer `Embedding`. */
import type { Given, Use } from '../graph/node.ts';
import { offset, type Pointer } from '../memory/memory.ts';
import { kernels } from '../runtime/engine.ts';
import { ops } from '../runtime/ops.ts';
import { valuesOf } from './operation.ts';

/** @throws RangeError for a row that the table does not have */
export function checkIndices(who: string, use: Use, given: Given | undefined, rows: number): void {
  const indices = given && valuesOf(use, 0, given);
  if (!indices) return;
  for (let i = 0; i < indices.length; i++) {
    const index = indices[i]!;
    if (Number.isInteger(index) && index >= 0 && index < rows) continue;
    throw new RangeError(
      `${who}: indices expected whole numbers from 0 to ${rows - 1}, got ${index} at [${i}]`,
    );
  }
}

/** y[i] = table[index[i]] */
export function gather(use: Use, table: Pointer, width: number): void {
  const count = use.inputs[0]!.slot.length;
  ops().gatherRows(use.y, use.x as Pointer<'RowIndex'>, table, width, 0, count);
}

/**
 * dTable[index[i]] += dy[i], in the order of i.
 *
 * @param except a row that stays what it is; it takes `width` floats of scratch
 */
export function scatter(use: Use, dTable: Pointer, width: number, except?: number): void {
  const count = use.inputs[0]!.slot.length;
  const { copyRows } = kernels();
  const row = except === undefined ? undefined : offset(dTable, except * width);
  if (row) copyRows(use.scratch, row, 1, width, width, width);
  ops().scatterRows(dTable, use.x as Pointer<'RowIndex'>, use.dy, count, width, 0, width);
  if (row) copyRows(row, use.scratch, 1, width, width, width);
}
