/** The steps of recurrent layers, forward and backward, as shares of a bare multiply-add loop. */
import { type Pointer, RecurrentShape } from '../../src/generated/kernels.ts';
import { ABSENT, type Arena } from '../arena.ts';
import { type Bench, percents, ratios } from '../bench.ts';
import { computeLoops, type Scene } from '../scene.ts';

/** A batch of signals: 28 steps of 28 rows, as an image read row by row. */
const SHAPES = [
  { steps: 28, batch: 100, hidden: 128 },
  { steps: 50, batch: 16, hidden: 256 },
];

function recurrentScene(arena: Arena, sizes: (typeof SHAPES)[number]): Scene {
  const { kernels: k } = arena;
  const { steps, batch, hidden } = sizes;
  const state = batch * hidden;
  const size = steps * state;
  const shape = arena.struct(RecurrentShape, { ...sizes, reverse: 0, relu: 0, last: 0 });
  const h = arena.floats(2 * (steps + 1) * state);
  const gates = arena.floats(6 * size, 1);
  const [weight, bias] = [arena.floats(4 * hidden * hidden, 2), arena.floats(4 * hidden, 3)];
  const dy = arena.floats(size, 4);
  const scratch = arena.bytes(k.recurrentScratch(batch, hidden, 4));
  const end = [ABSENT as Pointer<'Lengths'>, shape, 0, batch, scratch] as const;
  const count = (gates: number) => 2 * size * gates * hidden;
  const gru = () => k.gruForward(h, gates, weight, bias, ...end);
  const lstm = () => k.lstmForward(h, gates, weight, bias, ...end);
  // Backward alone would make the gates, which it overwrites, smaller with each run.
  return {
    shape: `[${steps}, ${batch}, ${hidden}]`,
    unit: 'GFLOP/s',
    loops: computeLoops(arena),
    works: {
      'GRU forward': { count: count(3), run: gru, results: [[h, (steps + 1) * state]] },
      'GRU forward and backward': {
        count: 2 * count(3),
        run: () => {
          gru();
          k.gruBackward(gates, h, dy, weight, ...end);
        },
      },
      'LSTM forward': { count: count(4), run: lstm, results: [[h, (steps + 1) * state]] },
      'LSTM forward and backward': {
        count: 2 * count(4),
        run: () => {
          lstm();
          k.lstmBackward(gates, h, dy, weight, ...end);
        },
      },
    },
  };
}

const bench: Bench = {
  subject: 'Networks',
  scenes: (arena) => SHAPES.map((shape) => () => recurrentScene(arena, shape)),
  goals: [
    {
      name: 'GRU forward, products of the steps, share of P',
      ...{ must: 50, aim: 65, unit: '%', more: true },
      why: 'three functions an element stand beside 256 multiplications and additions',
      of: ({ strict }) => percents(ratios(strict, 'GRU forward')),
    },
  ],
};
export default bench;
