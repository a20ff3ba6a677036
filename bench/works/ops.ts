/** Operations on tensors: nanoseconds an element, and the multiple of the bare loop over the same bytes. */
import {
  BroadcastShape,
  CopyShape,
  type Pointer,
  ReduceShape,
} from '../../src/generated/kernels.ts';
import type { Arena } from '../arena.ts';
import { type Bench, fromScene } from '../bench.ts';
import { memoryLoops, type Scene, type Work } from '../scene.ts';

const ROWS = 512;
const COLUMNS = 512;
const SIZE = ROWS * COLUMNS;

const R: Work['limit'] = ['R', (t) => t.R];
const S: Work['limit'] = ['S', (t) => t.S];
const S2: Work['limit'] = ['S₂', (t) => t['S₂']];

/** Fields such as n0 … n5, right-aligned; `missing` for the loops that are absent. */
function fields(name: string, values: readonly number[], count: number, missing: number) {
  const all = [...Array(count - values.length).fill(missing), ...values];
  return Object.fromEntries(all.map((value, i) => [`${name}${i}`, value]));
}

function broadcast(n: number[], a: number[], b: number[], c: number[]): BroadcastShape {
  return {
    ...fields('n', n, 6, 1),
    ...fields('a', a, 6, 0),
    ...fields('b', b, 6, 0),
    ...fields('c', c, 6, 0),
  } as unknown as BroadcastShape;
}

function scene(arena: Arena): Scene {
  const { kernels: k } = arena;
  const [x, z, y] = [arena.floats(SIZE, 1), arena.floats(SIZE, 2), arena.floats(SIZE)];
  for (const p of [x, z]) {
    const values = arena.view(p, SIZE);
    for (let i = 0; i < SIZE; i++) values[i]! += 1; // positive, for roots and quotients
  }
  const [row, column] = [arena.floats(COLUMNS, 3), arena.floats(ROWS, 4)];
  const shape = (a: number[], b: number[], n = [ROWS, COLUMNS], c: number[] = []) =>
    arena.struct(BroadcastShape, broadcast(n, a, b, c));
  const same = shape([1], [1], [SIZE], [1]);
  const number = shape([1], [0], [SIZE]);
  const rows = shape([COLUMNS, 1], [0, 1]);
  const columns = shape([COLUMNS, 1], [1, 0]);
  const none = { ...fields('k', [], 3, 1), ...fields('r', [], 3, 1) };
  const reduce = (of: object) =>
    arena.struct(ReduceShape, {
      ...none,
      ...fields('ak', [], 3, 0),
      ...fields('ar', [], 3, 0),
      ...fields('bk', [], 3, 0),
      ...fields('br', [], 3, 0),
      ...{ columns: 0, ...of },
    } as unknown as ReduceShape);
  const all = reduce({ r2: SIZE, ar2: 1 });
  const overRows = reduce({ k2: COLUMNS, r2: ROWS, ak2: 1, ar2: COLUMNS, columns: 1 });
  const overColumns = reduce({ k2: ROWS, r2: COLUMNS, ak2: COLUMNS, ar2: 1 });
  const gate = reduce({ k2: ROWS, r2: COLUMNS, ak2: COLUMNS, ar2: 1, bk2: COLUMNS, br2: 1 });
  const transposed = arena.struct(CopyShape, {
    ...fields('n', [ROWS, COLUMNS], 6, 1),
    ...fields('y', [COLUMNS, 1], 6, 0),
    ...fields('x', [1, ROWS], 6, 0),
  } as unknown as CopyShape);
  const part = arena.struct(CopyShape, {
    ...fields('n', [ROWS, COLUMNS / 2], 6, 1),
    ...fields('y', [COLUMNS / 2, 1], 6, 0),
    ...fields('x', [COLUMNS, 1], 6, 0),
  } as unknown as CopyShape);
  const scratch = arena.bytes(k.sumProductsScratch(overRows));
  const index = arena.bytes(ROWS * 4) as Pointer<'RowIndex'>;
  const numbers = new Int32Array(arena.memory.buffer, index, ROWS);
  for (let i = 0; i < ROWS; i++) numbers[i] = (i * 101) % ROWS;
  const work = (limit: Work['limit'], run: () => void, results = SIZE, count = SIZE): Work => ({
    count,
    ...(limit && { limit }),
    run,
    results: [[y, results]],
  });
  return {
    shape: `[${ROWS}, ${COLUMNS}]`,
    unit: 'ns/element',
    loops: memoryLoops(arena, SIZE, { x, y: z, z: y }),
    works: {
      'add, one shape': work(S2, () => k.addBroadcast(y, x, z, same, 0, 1)),
      'mul, one shape': work(S2, () => k.mulBroadcast(y, x, z, same, 0, 1)),
      'mul by a number': work(S, () => k.mulBroadcast(y, x, row, number, 0, 1)),
      'mul by a row': work(S, () => k.mulBroadcast(y, x, row, rows, 0, 1)),
      'mul by a column': work(S, () => k.mulBroadcast(y, x, column, columns, 0, 1)),
      'div, one shape': work(S2, () => k.divBroadcast(y, x, z, same, 0, 1)),
      'maximum, one shape': work(S2, () => k.maximumBroadcast(y, x, z, same, 0, 1)),
      'where, one shape': work(S2, () => k.whereBroadcast(y, x, z, x, same, 0, 1)),
      square: work(S, () => k.squareForward(y, x, 0, SIZE)),
      sqrt: work(S, () => k.sqrtForward(y, x, 0, SIZE)),
      'sum of all': work(R, () => k.sumProducts(y, x, 0 as Pointer, all, 1, 0, 1, scratch), 1),
      'sum over rows': work(
        R,
        () => k.sumProducts(y, x, 0 as Pointer, overRows, 1, 0, COLUMNS, scratch),
        COLUMNS,
      ),
      'sum over columns': work(
        R,
        () => k.sumProducts(y, x, 0 as Pointer, overColumns, 1, 0, ROWS, scratch),
        ROWS,
      ),
      'gradient of a gate': work(
        ['2 R', (t) => 2 * t.R],
        () => k.sumProducts(y, x, z, gate, 1, 0, ROWS, scratch),
        ROWS,
      ),
      'max over columns': work(R, () => k.maxOver(y, x, overColumns, 0, ROWS), ROWS),
      'max over rows': work(R, () => k.maxOver(y, x, overRows, 0, COLUMNS), COLUMNS),
      transpose: work(S, () => k.copyStrided(y, x, transposed, 0, 1)),
      'half of the columns': work(
        ['½ S', (t) => t.S / 2],
        () => k.copyStrided(y, x, part, 0, 1),
        SIZE / 2,
        SIZE / 2,
      ),
      embedding: work(S, () => k.gatherRows(y, index, x, COLUMNS, 0, ROWS)),
      'embedding backward': work(S2, () => k.scatterRows(y, index, x, ROWS, COLUMNS, 0, COLUMNS)),
    },
  };
}

/** What PyTorch and TensorFlow.js have, under the names of the works. */
const CONTESTED = [
  'add, one shape',
  'mul by a number',
  'mul by a row',
  'mul by a column',
  'div, one shape',
  'maximum, one shape',
  'square',
  'sqrt',
  'sum of all',
  'sum over rows',
  'sum over columns',
  'max over columns',
  'max over rows',
  'transpose',
];

const bench: Bench = {
  subject: 'Activations, losses, optimizers',
  shown: [],
  scenes: (arena) => [() => scene(arena)],
  contest: {
    items: CONTESTED.map((work) => ({
      work,
      shape: `[${ROWS}, ${COLUMNS}]`,
      unit: 'ns/element',
      count: SIZE,
      of: { rows: ROWS, columns: COLUMNS },
      tolerance: 1e-5,
    })),
    prepare: fromScene(scene),
  },
};
export default bench;
