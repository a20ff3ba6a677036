/** Optimizers and random draws: nanoseconds an element, and the multiple of bare loops over the same bytes. */
import { AdamScalars, MomentumScalars, RMSpropScalars } from '../../src/generated/kernels.ts';
import { RANDOM_SCRATCH } from '../../src/tensor/random.ts';
import { ABSENT, type Arena } from '../arena.ts';
import { type Bench, type NamedItem, type Prepared, ratios, values } from '../bench.ts';
import { memoryLoops, type Scene, type Work } from '../scene.ts';

const PARAMETERS = 1_000_000;
const S: Work['limit'] = ['S', (t) => t.S];
const R: Work['limit'] = ['R', (t) => t.R];
const I: Work['limit'] = ['I', (t) => t.I];

const COMMON = { lr: 1e-3, weightDecay: 0 };
const ADAM = { ...COMMON, beta1: 0.9, beta2: 0.999, eps: 1e-8, decoupled: 0 };
const MOMENTUM = { ...COMMON, momentum: 0.9, dampening: 0, nesterov: 0 };
const RMSPROP = { ...COMMON, alpha: 0.99, eps: 1e-8, momentum: 0 };

function optimScene(arena: Arena): Scene {
  const { kernels: k } = arena;
  const n = PARAMETERS;
  const block = (seed: number) => arena.floats(n, seed);
  const [w, g, m, v, x, z] = [block(1), block(2), block(3), block(4), block(5), block(6)];
  const squares = arena.view(v, n);
  for (let i = 0; i < n; i++) squares[i] = Math.abs(squares[i]!);
  const scratch = arena.bytes(RANDOM_SCRATCH);
  const momentum = arena.struct(MomentumScalars, MOMENTUM);
  const adam = arena.struct(AdamScalars, ADAM);
  const rmsprop = arena.struct(RMSpropScalars, RMSPROP);
  const work = (limit: Work['limit'], run: () => void): Work => ({ count: n, limit, run });
  return {
    shape: `[${n}]`,
    unit: 'ns/element',
    loops: memoryLoops(arena, n, { x, y: g, z }),
    works: {
      SGD: work(['(R+I)', (t) => t.R + t.I], () => k.sgdStep(w, g, 1e-3, 0, 0, n)),
      'SGD, momentum': work(['(R+2I)', (t) => t.R + 2 * t.I], () =>
        k.sgdMomentumStep(w, m, g, momentum, 0, 0, n),
      ),
      Adam: work(['(R+3I)', (t) => t.R + 3 * t.I], () =>
        k.adamStep(w, m, v, ABSENT, g, adam, 5, 0, n),
      ),
      RMSprop: work(['(R+2I)', (t) => t.R + 2 * t.I], () =>
        k.rmspropStep(w, v, ABSENT, ABSENT, g, rmsprop, 0, n),
      ),
      'gradient norm': work(R, () => k.sumOfSquares(g, 0, n)),
      'moving average': work(['(R+I)', (t) => t.R + t.I], () => k.emaUpdate(x, w, 0.999, 0, n)),
      'scale in place': work(I, () => k.scaleInPlace(x, 1, 0, n)),
      dropout: work(S, () => k.dropout(x, g, 0.5, 1, 0, 0, n, scratch)),
      'uniform draws': work(I, () => k.randomUniform(x, 0, 1, 1, 0, 0, n, scratch)),
      'normal draws': work(I, () => k.randomNormal(x, 0, 1, 1, 0, 0, n, scratch)),
    },
  };
}

/** The results to agree with are the weights after three updates with the same gradient. */
function prepare(arena: Arena, { work, of }: NamedItem): Prepared {
  const { kernels: k } = arena;
  const n = of.n as number;
  const mark = arena.mark();
  const [w, g] = [arena.floats(n, 1), arena.floats(n, 2)];
  const [m, v] = [arena.floats(n), arena.floats(n)];
  const adam = arena.struct(AdamScalars, ADAM);
  let steps = 0;
  const run =
    work === 'SGD'
      ? () => k.sgdStep(w, g, 1e-3, 0, 0, n)
      : () => k.adamStep(w, m, v, ABSENT, g, adam, ++steps, 0, n);
  return {
    run,
    outputs() {
      for (let i = 0; i < 3; i++) run();
      return arena.view(w, n);
    },
    dispose: () => arena.release(mark),
  };
}

const bench: Bench = {
  subject: 'Activations, losses, optimizers',
  scenes: (arena) => [() => optimScene(arena)],
  contest: {
    items: ['SGD', 'Adam'].map((work) => ({
      work,
      shape: `[${PARAMETERS}]`,
      unit: 'ns/element',
      count: PARAMETERS,
      of: { n: PARAMETERS },
      tolerance: 1e-5,
    })),
    prepare,
  },
  goals: [
    {
      name: 'dropout and uniform draws',
      ...{ must: 1, aim: 0.8, unit: 'ns' },
      why: 'ten rounds of Philox take twenty shuffles each for 32 words: V8 spreads both factors of every 64-bit product, the constant one too. With two units for shuffles that alone is 3.4 cycles a word',
      of: ({ strict }) => ['dropout', 'uniform draws'].flatMap((work) => values(strict, work)),
    },
    {
      name: 'normal draws',
      ...{ must: 3, aim: 2, unit: 'ns' },
      why: 'a third is the random words, the rest two polynomials of eight steps, a product and a sum each, without fused multiply-add',
      of: ({ strict }) => values(strict, 'normal draws'),
    },
    {
      name: 'Adam, × (R+3I)',
      ...{ must: 2, aim: 1.5, unit: '×' },
      why: 'R and I have no division: the loads and stores with one exact square root and one exact division take 2.2 to 2.4 × (R+3I) by themselves in or beyond the cache, so 2 cannot be reached with 128-bit lanes and these bits. Adam takes 1.45 to 1.6 times that loop: nine multiplications, a root (five cycles) and a division (three) share two units. Without the six operations that flush tiny moments it would be 1.2. Updating one vector beside the moments of the next took 1.07 times as long',
      of: ({ strict }) => ratios(strict, 'Adam'),
    },
  ],
};
export default bench;
