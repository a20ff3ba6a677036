/** Random cases, as JSON that torch/answers.py reads, each determined by a seed and its number. */
import { manualSeed } from '../../../src/index.ts';
import { TestRandom } from '../../support/random.ts';
import { between, type Choices, chance, pick, some } from '../choices.ts';
import { makeNet, type NetSpec } from '../net.ts';
import { type LayerName, MAKERS } from '../random-layer.ts';
import { randomNet, randomShape } from '../random-net.ts';
import {
  type LossCase,
  type LossSpec,
  lossCase,
  lossFor,
  type Stored,
  sizeOf,
  stored,
} from './losses.ts';

export type { LossCase, LossSpec, Stored } from './losses.ts';

export interface CaseStep {
  readonly train: boolean;
  readonly x: Stored;
  readonly dy?: Stored;
  readonly target?: Stored;
  /** Of `loss.backward`. */
  readonly scale?: number;
  /** Whether the gradients of the step before are kept. */
  readonly accumulates?: boolean;
}

export interface Kind {
  readonly kind: string;
  readonly options: Readonly<Record<string, unknown>>;
}

export interface Training {
  readonly optimizer: Kind & {
    readonly groups: readonly {
      names: readonly string[];
      options: Readonly<Record<string, unknown>>;
    }[];
  };
  readonly schedule?: Kind;
  readonly clipNorm?: number;
  readonly clipValue?: number;
  readonly ema?: { readonly decay: number; readonly warmup?: boolean };
}

export interface NetCase {
  readonly type: 'net';
  readonly net: NetSpec;
  readonly state: Readonly<Record<string, Stored>>;
  /** Names of parameters that are not trained. */
  readonly frozen: readonly string[];
  readonly loss?: LossSpec;
  readonly training?: Training;
  readonly steps: readonly CaseStep[];
}

export interface ScheduleCase {
  readonly type: 'schedule';
  readonly schedule: Kind;
  readonly lrs: readonly number[];
  readonly count: number;
  readonly momentum?: true;
}

export type Case = NetCase | LossCase | ScheduleCase;

const { square: _, dropout: __, ...LAYERS } = MAKERS;
const NAMES = Object.keys(LAYERS) as LayerName[];
/** Without training, dropout does nothing, so it can be compared. */
const EVALUATED = [...NAMES, 'dropout'] as LayerName[];

export function randomCase(seed: number, number: number): Case {
  const random = new TestRandom(
    (Math.imul(seed, 0x9e3779b1) + Math.imul(number, 0x85ebca6b)) >>> 0,
  );
  for (let i = 0; i < 4; i++) random.uniform(); // neighbouring seeds give like first numbers
  manualSeed(number);
  const type = number % 10;
  if (type < 4) return netCase(random, 1, false);
  if (type < 6) return netCase(random, 6, false);
  if (type < 8) return netCase(random, 4, true);
  return type === 8 ? lossCase(random) : scheduleCase(random);
}

function netCase(random: TestRandom, mostLayers: number, trains: boolean): NetCase {
  const evaluated = !trains && chance(random, 0.2);
  const input = randomShape(random, [2, 3, 4, 4, ...(mostLayers === 1 ? [5] : [])]);
  const names = evaluated ? EVALUATED : NAMES;
  const { spec: net, output } = randomNet(random, input, names, mostLayers);
  const { state, parameters } = stateOf(random, net);
  const frozen = chance(random, 0.2) ? parameters.filter(() => chance(random, 0.4)) : [];
  const trained = parameters.filter((name) => !frozen.includes(name));
  const usesLoss = trains && trained.length > 0;
  const loss = usesLoss ? lossFor(random, output) : undefined;
  const scale = pick(random, [1, 0.5]);
  const steps = Array.from({ length: usesLoss ? 4 : 2 }, (_, i): CaseStep => {
    const x = stored(random.normals(sizeOf(input), 0.2, 1.2), input);
    const train = !evaluated && (i < 2 || chance(random, 0.8));
    if (loss) return { train, x, target: loss.target(), scale };
    const dy = stored(random.normals(sizeOf(output)), output);
    return { train, x, dy, ...(i > 0 && chance(random, 0.3) && { accumulates: true }) };
  });
  return {
    type: 'net',
    net,
    state,
    frozen,
    ...(loss && { loss: loss.spec, training: trainingOf(random, trained) }),
    steps,
  };
}

/** Initial values away from 0 and 1, so that each has its effect, and the parameters' names. */
function stateOf(random: TestRandom, net: NetSpec) {
  using model = makeNet(net);
  const state: Record<string, Stored> = {};
  for (const [name, tensor] of Object.entries(model.stateDict())) {
    const values = tensor.toArray();
    if (name.endsWith('running_var'))
      state[name] = stored(random.uniforms(values.length, 0.5, 1.5), tensor.shape);
    else if (/num_batches_tracked$|weight_[uv]$|weight_g$/.test(name))
      state[name] = stored(values, tensor.shape);
    else
      state[name] = stored(
        values.map((v) => v + 0.2 * random.normal()),
        tensor.shape,
      );
  }
  return { state, parameters: model.namedParameters().map(([name]) => name) };
}

function trainingOf(random: TestRandom, names: readonly string[]): Training {
  const kind = pick(random, OPTIMIZERS);
  const options = optimizerOptions(random, kind);
  const second = names.filter(() => chance(random, 0.4));
  const grouped = second.length > 0 && second.length < names.length && chance(random, 0.5);
  const groups = grouped
    ? [
        { names: names.filter((name) => !second.includes(name)), options: {} },
        { names: second, options: { lr: 0.03, weightDecay: 0.2 } },
      ]
    : [{ names, options: {} }];
  const schedule = chance(random, 0.4) ? scheduleSpec(random, groups.length, kind) : undefined;
  const clip = random.integer(4);
  return {
    optimizer: { kind, options, groups },
    ...(schedule && { schedule }),
    ...(clip === 1 && { clipNorm: pick(random, [0.1, 1, 100]) }),
    ...(clip === 2 && { clipValue: pick(random, [0.01, 0.3]) }),
    ...(chance(random, 0.3) && {
      ema: { decay: pick(random, [0.5, 0.99]), warmup: chance(random, 0.5) },
    }),
  };
}

const OPTIMIZERS = ['SGD', 'Adam', 'AdamW', 'RMSprop', 'NAdam', 'RAdam', 'Adagrad', 'Lion'];

export function optimizerOptions(choices: Choices, kind: string): Record<string, unknown> {
  const common = {
    lr: pick(choices, [0.1, 0.01]),
    ...some(choices, { weightDecay: pick(choices, [0, 0.1]) }),
  };
  if (kind === 'SGD') {
    const momentum = pick(choices, [0, 0.9, 0.5]);
    const nesterov = momentum > 0 && chance(choices, 0.3);
    const dampening = nesterov ? {} : some(choices, { dampening: 0.3 });
    return { ...common, momentum, ...(nesterov && { nesterov }), ...dampening };
  }
  const betas = pick(choices, [
    [0.8, 0.95],
    [0.9, 0.6],
  ]);
  if (kind === 'Lion') return { ...common, ...some(choices, { betas }) };
  // With PyTorch's tiny eps, rounding errors are divided by rounding errors: noise shows it as slack.
  const eps = pick(choices, [1e-8, 1e-4, 1e-2]);
  if (kind === 'RMSprop') {
    return {
      ...common,
      eps,
      ...some(choices, { alpha: 0.9, momentum: 0.5, centered: chance(choices, 0.5) }),
    };
  }
  if (kind === 'Adagrad') {
    return { ...common, eps, ...some(choices, { lrDecay: 0.1, initialAccumulatorValue: 0.5 }) };
  }
  if (kind === 'NAdam') return { ...common, eps, ...some(choices, { betas, momentumDecay: 0.02 }) };
  if (kind === 'RAdam') return { ...common, eps, ...some(choices, { betas }) };
  return { ...common, eps, ...some(choices, { betas, amsgrad: true }) };
}

function scheduleSpec(random: TestRandom, groups: number, optimizer: string): Kind {
  const kind = pick(random, [
    'StepLR',
    'MultiStepLR',
    'ExponentialLR',
    'CosineAnnealingLR',
    'LinearWarmup',
    'OneCycleLR',
  ]);
  const gamma = pick(random, [0.1, 0.5, 0.93, 1.1]);
  const options = (): Record<string, unknown> => {
    switch (kind) {
      case 'StepLR':
        return { stepSize: between(random, 1, 5), gamma };
      case 'MultiStepLR':
        return {
          milestones: Array.from({ length: between(random, 1, 4) }, () =>
            between(random, 1, 12),
          ).sort((a, b) => a - b),
          gamma,
        };
      case 'ExponentialLR':
        return { gamma };
      case 'CosineAnnealingLR':
        return { tMax: between(random, 1, 12), ...some(random, { etaMin: 0.001 }) };
      case 'LinearWarmup':
        return {
          steps: between(random, 1, 8),
          ...some(random, { startFactor: pick(random, [0.1, 1]) }),
        };
      default:
        return {
          maxLr: groups > 1 && chance(random, 0.5) ? [0.2, 0.4].slice(0, groups) : 0.3,
          totalSteps: between(random, 8, 30),
          // PyTorch's RMSprop and SGD without momentum have nothing to cycle.
          cycleMomentum: optimizer === 'momentum' && chance(random, 0.7),
          ...some(random, {
            pctStart: pick(random, [0.25, 0.4]),
            annealStrategy: pick(random, ['cos', 'linear']),
            divFactor: 10,
            finalDivFactor: 50,
            threePhase: chance(random, 0.5),
          }),
        };
    }
  };
  return { kind, options: options() };
}

function scheduleCase(random: TestRandom): ScheduleCase {
  const lrs = [0.1, 0.03, 0.5].slice(0, between(random, 1, 2));
  const momentum = chance(random, 0.5);
  const schedule = scheduleSpec(random, lrs.length, momentum ? 'momentum' : '');
  const { totalSteps = 25 } = schedule.options as { totalSteps?: number };
  return { type: 'schedule', schedule, lrs, count: totalSteps - 1, ...(momentum && { momentum }) };
}
