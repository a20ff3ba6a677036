/** What a machine knows: its network, the state after the last call, and which calls should be refused. */
import * as evenkeel from '../../src/index.ts';
import type { TestRandom } from '../support/random.ts';
import { listed, pick } from './choices.ts';
import { expectForward, type Forward } from './expected.ts';
import type { Values } from './interpreter/interpret.ts';
import { sizeOf } from './interpreter/run.ts';
import { type LayerSpec, makeNet, type Net } from './net.ts';
import type { LayerName, Shape } from './random-layer.ts';
import { randomNet } from './random-net.ts';
import type { Trainer } from './trainer.ts';
import { checkRefused, checkUnchanged, type Expected, type World, worldOf } from './world.ts';

const NAMES: readonly LayerName[] = [
  ...([
    'linear',
    'convolution',
    'batchNorm',
    'batchNorm',
    'groupNorm',
    'layerNorm',
    'rmsNorm',
  ] as const),
  ...([
    'response',
    'maxPool',
    'avgPool',
    'adaptive',
    'global',
    'flatten',
    'unflatten',
    'softmax',
  ] as const),
  ...([
    'prelu',
    'dropout',
    'square',
    'relu',
    'relu',
    'relu6',
    'leaky',
    'sigmoid',
    'tanh',
    'silu',
  ] as const),
  ...(['gelu', 'elu', 'selu', 'mish', 'softsign', 'softplus'] as const),
  ...(['hardsigmoid', 'hardswish', 'hardtanh'] as const),
];

type Phase =
  | { readonly kind: 'idle' }
  | { readonly kind: 'ready'; readonly forward: Forward }
  | { readonly kind: 'finished'; readonly forward: Forward; readonly dx: Expected | undefined };

/** The network of a sequence of calls, and what all calls share. */
export abstract class Known {
  protected readonly layers: LayerSpec[];
  protected readonly input: Shape;
  protected output: Shape;
  protected readonly model: Net;
  protected readonly modes: boolean[];
  protected phase: Phase = { kind: 'idle' };
  /** Whether a weight has changed since the forward. */
  protected changed = false;
  protected disposed = false;
  /** Whether the input gradient has been read, and so computed. */
  protected read = false;
  protected y: evenkeel.Tensor | undefined;
  protected dx: evenkeel.Tensor | undefined;
  protected readonly touched = new Set<evenkeel.Parameter>();
  protected trainer: Trainer | undefined;
  /** The state after the last call; unknown where layers were exchanged since. */
  protected world: World | undefined;
  protected saved: evenkeel.StateDict | undefined;
  protected readonly replaced: evenkeel.Module[] = [];
  protected readonly ends: { dispose(): void }[] = [];

  constructor(numbers: readonly number[]) {
    const choices = listed(numbers);
    const rank = pick(choices, [2, 3, 4]);
    const size = Array.from({ length: rank - 2 }, () => pick(choices, [4, 3, 5, 2, 1]));
    this.input = [3, pick(choices, [4, 1, 2, 3, 5, 8]), ...size];
    evenkeel.manualSeed(choices.integer(100));
    const { spec, output } = randomNet(choices, this.input, NAMES, 5, 240);
    this.layers = [...spec.layers];
    this.output = output;
    this.model = makeNet(spec);
    this.modes = this.layers.map(() => true);
  }

  /** The state before a call, which is that after the call before. */
  protected before(): World {
    return (this.world ??= worldOf(this.model));
  }

  protected after(): World {
    return (this.world = worldOf(this.model));
  }

  protected outputOf(): Shape {
    return this.y ? this.y.shape : this.output;
  }

  /** An input of a random batch. */
  protected values(random: TestRandom): Values {
    const shape = [pick(random, [3, 3, 2, 4, 5, 1]), ...this.input.slice(1)];
    const data = Float64Array.from(random.normals(sizeOf(shape), 0.2, 1.2));
    return { shape, data };
  }

  /** What a forward should give; undefined if it should be refused. */
  protected expect(
    world: World,
    x: Values,
    training: (layer: number) => boolean,
  ): Forward | undefined {
    const spec = { layers: [...this.layers], steps: [...this.model.steps] };
    return expectForward(this.model, spec, world, x, training);
  }

  /** Notes that weights have changed, if the last forward has used one of them. */
  protected noteChanges(changed: readonly evenkeel.Parameter[]): void {
    if (this.phase.kind === 'idle') return;
    const { parameters } = this.phase.forward;
    if (changed.some((parameter) => parameters.includes(parameter))) this.changed = true;
  }

  /** Whether a parameter of a forward is disposed of. */
  protected lost({ parameters }: Forward): boolean {
    return parameters.some(({ disposed }) => disposed);
  }

  /** Holds that a call is refused, and that nothing has changed by it. */
  protected refused(call: () => unknown, why: string, before: World): void {
    checkRefused(call, why);
    checkUnchanged(before, this.after(), new Set());
  }
}

export function given({ shape, data }: Values): { shape: number[]; data: Float32Array } {
  return { shape: [...shape], data: Float32Array.from(data) };
}
