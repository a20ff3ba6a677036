/**
 * Recurrent layers: their steps, forward and backward, as shares of a bare multiply-add loop; and the training step of
 * a GRU whose last state is classified.
 */
import { GRU, Linear, Sequential } from 'evenkeel';
import { type Pointer, RecurrentShape } from '../../src/generated/kernels.ts';
import { ABSENT, type Arena } from '../arena.ts';
import { againstTorch, type Bench, percents, ratios } from '../bench.ts';
import { type Effort, statistic, timeRounds } from '../measure.ts';
import { computeLoops, type Measured, type Scene } from '../scene.ts';
import { contestant, type Stepper, training } from './step.ts';

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

/** As `[28, 100, 128]` above, with what is before and behind it. */
const TRAINED = { steps: 28, batch: 100, inputs: 28, hidden: 128 };
const STEP = {
  work: 'training step',
  shape: 'GRU [28, 100, 28] → 128, Linear → 10, Adam',
  unit: 'ms',
} as const;

export function gruStepper(): Stepper {
  const { steps, batch, inputs, hidden } = TRAINED;
  const model = new Sequential(
    new GRU(inputs, hidden, { returns: 'last' }),
    new Linear(hidden, 10),
  );
  return training(model, [steps, batch, inputs], batch);
}

function measureStep({ rounds, milliseconds }: Effort): Measured[] {
  const { step, dispose } = gruStepper();
  const times = timeRounds({ step: { run: step } }, { rounds, milliseconds: 4 * milliseconds });
  dispose();
  return [{ ...STEP, value: statistic(times.step) }];
}

const bench: Bench = {
  subject: 'Networks',
  shown: ['training step', 'GRU forward', 'GRU forward and backward'],
  measure: (_, effort) => measureStep(effort),
  scenes: (arena) => SHAPES.map((shape) => () => recurrentScene(arena, shape)),
  contest: {
    // The third loss has the rounding of two steps.
    items: [{ ...STEP, count: 1, of: TRAINED, tolerance: 1e-3 }],
    prepare: () => contestant(gruStepper()),
  },
  goals: [
    {
      name: 'training step of a GRU, × PyTorch',
      ...{ must: 1.5, aim: 1.2, unit: '×' },
      of: (found) => againstTorch(found, ['training step']),
    },
    {
      name: 'GRU forward, products of the steps, share of P',
      ...{ must: 50, aim: 65, unit: '%', more: true },
      why: 'three functions an element stand beside 256 multiplications and additions',
      of: ({ strict }) => percents(ratios(strict, 'GRU forward')),
    },
  ],
};
export default bench;
