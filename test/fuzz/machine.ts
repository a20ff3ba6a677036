/**
 * Runs a random sequence of calls on a random network, and holds every call against the float64
 * interpreter. Each call begins with the bits that the one before has left, so that errors do not add up.
 */
import * as evenkeel from '../../src/index.ts';
import { TestRandom } from '../support/random.ts';
import { chance, listed, pick } from './choices.ts';
import { checkOutput, expectedOf, expectForward, type Forward } from './expected.ts';
import type { Values } from './interpreter/interpret.ts';
import { sizeOf } from './interpreter/run.ts';
import { type LayerSpec, makeLayer, makeNet, type Net } from './net.ts';
import type { LayerName, Shape } from './random-layer.ts';
import { randomLoss } from './random-loss.ts';
import { randomNet } from './random-net.ts';
import { Trainer } from './trainer.ts';
import {
  check,
  checkRefused,
  checkUnchanged,
  type Expected,
  Mismatch,
  type World,
  worldOf,
} from './world.ts';
import { wrongGradient, wrongInput, wrongState } from './wrong.ts';

export const COMMANDS = [
  'forward',
  'backward',
  'loss',
  'step',
  'zeroGrad',
  'predict',
  'readInputGradient',
  'save',
  'load',
  'badForward',
  'badBackward',
  'badLoad',
  'freeze',
  'mode',
  'replace',
  'append',
  'dispose',
] as const;

export type CommandName = (typeof COMMANDS)[number];

export interface Command {
  readonly name: CommandName;
  /** What its numbers and choices follow from. */
  readonly seed: number;
}

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

export class Machine {
  private readonly layers: LayerSpec[];
  private readonly input: Shape;
  private output: Shape;
  private readonly model: Net;
  private readonly modes: boolean[];
  private phase: Phase = { kind: 'idle' };
  /** Whether a weight has changed since the forward. */
  private changed = false;
  private disposed = false;
  /** Whether the input gradient has been read, and so computed. */
  private read = false;
  private y: evenkeel.Tensor | undefined;
  private dx: evenkeel.Tensor | undefined;
  private readonly touched = new Set<evenkeel.Parameter>();
  private trainer: Trainer | undefined;
  /** The state after the last call; unknown where layers were exchanged since. */
  private world: World | undefined;
  private saved: evenkeel.StateDict | undefined;
  private readonly replaced: evenkeel.Module[] = [];
  private readonly ends: { dispose(): void }[] = [];

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

  /** @throws Mismatch, or an error that is not evenkeel's own, if the call does not do what it should */
  do({ name, seed }: Command): void {
    if (this.disposed && name !== 'dispose') this.afterDispose(name, new TestRandom(seed));
    else this[name](new TestRandom(seed * 7919 + 1));
  }

  /** Releases everything. */
  end(): void {
    for (const one of [this.trainer?.optimizer, ...this.ends, ...this.replaced, this.model])
      one?.dispose();
  }

  describe(): string {
    return JSON.stringify({ input: this.input, layers: this.layers, steps: this.model.steps });
  }

  // --- the calls ---

  private forward(random: TestRandom): void {
    const x = this.values(random);
    const before = this.before();
    const forward = this.expect(before, x, (layer) => this.modes[layer]!);
    if (!forward) {
      this.refused(() => this.model.forward(given(x)), 'statistics of one value', before);
      return;
    }
    const y = this.model.forward(given(x));
    const after = this.after();
    checkOutput(y, forward);
    const except = new Set<string>();
    for (const name of Object.keys(before.state).filter((name) =>
      /running_|num_batches/.test(name),
    )) {
      except.add(`state ${name}`);
      check(
        after.state[name]!,
        expectedOf(forward.runs, ({ state }) => state[name]!),
        name,
      );
    }
    if (after.counter !== forward.runs[0]!.generator.counter) {
      throw new Mismatch(
        `the generator is at ${after.counter}, expected ${forward.runs[0]!.generator.counter}`,
      );
    }
    checkUnchanged(before, after, except.add('counter'));
    this.y = y;
    this.dx = undefined;
    this.phase = { kind: 'ready', forward };
    this.changed = false;
  }

  private backward(random: TestRandom): void {
    const dy = Float64Array.from(random.normals(sizeOf(this.outputOf())));
    this.differentiate(() => this.model.backward({ data: dy, shape: this.outputOf() }), dy, random);
  }

  private loss(random: TestRandom): void {
    const { y } = this;
    if (!y) return;
    const prediction = y.toArray();
    const { loss, target, expected } = randomLoss(random, y.shape, prediction);
    this.ends.push(loss);
    const before = this.before();
    const value = loss.forward(y, target);
    check([value], { values: [expected.loss], slack: 1e-5 * Math.abs(expected.loss) }, 'loss');
    const scale = pick(random, [1, 0.5]);
    const dy = loss.backward(scale);
    check(
      dy.toArray(),
      { values: expected.gradient.map((g) => g * scale), slack: 0 },
      'gradient of the loss',
    );
    checkUnchanged(before, this.after(), new Set());
    this.differentiate(() => this.model.backward(dy), Float64Array.from(dy.toArray()), random);
  }

  private step(random: TestRandom): void {
    const parameters = this.model.parameters();
    if (!this.trainer && parameters.length === 0) return;
    this.trainer ??= new Trainer(random, parameters);
    const before = this.before();
    const updated = this.trainer.step(this.touched);
    const names = this.model.namedParameters();
    const except = names.flatMap(([name, parameter]) =>
      updated.includes(parameter) ? [`state ${name}`] : [],
    );
    this.noteChanges(updated);
    checkUnchanged(before, this.after(), new Set(except));
  }

  private zeroGrad(random: TestRandom): void {
    const before = this.before();
    if (this.trainer && chance(random, 0.5)) {
      this.trainer.optimizer.zeroGrad();
      for (const parameter of this.trainer.parameters) this.touched.delete(parameter);
    }
    for (const parameter of this.model.parameters()) parameter.zeroGrad();
    for (const parameter of this.model.parameters()) this.touched.delete(parameter);
    const after = this.after();
    for (const [name, gradient] of Object.entries(after.gradients)) {
      if (gradient?.some((v) => v !== 0)) throw new Mismatch(`gradient ${name} is not zero`);
    }
    checkUnchanged({ ...before, gradients: after.gradients }, after, new Set());
  }

  private predict(random: TestRandom): void {
    const x = this.values(random);
    const before = this.before();
    const expected = this.expect(before, x, () => false);
    if (!expected) {
      this.refused(() => this.model.predict(given(x)), 'statistics of one value', before);
      return;
    }
    const y = this.model.predict(given(x));
    checkOutput(y, expected);
    checkUnchanged(before, this.after(), new Set());
    this.y?.toArray(); // may still be read
  }

  private readInputGradient(): void {
    const { dx, phase } = this;
    if (!dx) return;
    const before = this.before();
    if (phase.kind !== 'finished' || this.changed) {
      this.refused(() => dx.toArray(), 'the input gradient is stale', before);
      return;
    }
    if (this.lost(phase.forward) && !this.read) {
      this.refused(() => dx.toArray(), 'a layer of the forward is disposed of', before);
      return;
    }
    const found = dx.toArray();
    this.read = true;
    if (phase.dx) check(found, phase.dx, 'dx');
    checkUnchanged(before, this.after(), new Set());
  }

  private save(): void {
    this.saved = this.model.stateDict();
  }

  private load(): void {
    const { saved } = this;
    if (!saved) return;
    const before = this.before();
    const own = this.model.stateDict();
    const fits =
      `${Object.keys(saved).sort()}` === `${Object.keys(own).sort()}` &&
      Object.entries(own).every(([name, { shape }]) => `${saved[name]!.shape}` === `${shape}`);
    if (!fits) {
      this.refused(
        () => this.model.loadStateDict(saved),
        'the state dict is of another model',
        before,
      );
      return;
    }
    this.model.loadStateDict(saved);
    const after = this.after();
    for (const [name, tensor] of Object.entries(saved)) {
      check(after.state[name]!, { values: tensor.toArray(), slack: -1e-6 }, name);
    }
    checkUnchanged({ ...before, state: after.state }, after, new Set());
    this.noteChanges(this.model.parameters());
  }

  private badForward(random: TestRandom): void {
    const x = this.values(random);
    const { data, shape } = given(x);
    const wrong = wrongInput(random, data, shape);
    const before = this.before();
    const call = chance(random, 0.5) ? 'forward' : 'predict';
    this.refused(() => this.model[call](wrong), `the input is ${String(wrong)}`, before);
  }

  private badBackward(random: TestRandom): void {
    const shape = this.outputOf();
    if (sizeOf(shape) === 1) return;
    const wrong = wrongGradient(random, shape);
    const before = this.before();
    this.refused(() => this.model.backward(wrong), 'the gradient does not fit', before);
  }

  private badLoad(random: TestRandom): void {
    const own = this.model.stateDict();
    if (Object.keys(own).length === 0) return;
    const state = wrongState(random, own);
    const before = this.before();
    this.refused(() => this.model.loadStateDict(state), 'the state dict is wrong', before);
  }

  private freeze(random: TestRandom): void {
    const before = this.before();
    const part = pick(random, [this.model, pick(random, this.model.layers)]);
    const parameters = this.model.parameters();
    const what = random.integer(4);
    if (what < 2) part.freeze();
    else if (what === 2) part.unfreeze();
    else if (parameters.length > 0) {
      const parameter = pick(random, parameters);
      parameter.requiresGrad = !parameter.requiresGrad;
    }
    checkUnchanged(before, this.after(), new Set());
  }

  private mode(random: TestRandom): void {
    const training = chance(random, 0.5);
    const i = random.integer(this.layers.length * 2);
    if (i < this.layers.length) this.model.layers[i]!.train(training);
    else this.model.train(training);
    for (const j of this.modes.keys())
      if (i === j || i >= this.layers.length) this.modes[j] = training;
  }

  private replace(random: TestRandom): void {
    const i = random.integer(this.layers.length);
    const old = this.model.layers[i]!;
    const replacement = makeLayer(this.layers[i]!);
    this.modes[i] = true;
    this.world = undefined;
    this.model.layers = this.model.layers.map((layer, j) => (j === i ? replacement : layer));
    if (chance(random, 0.5)) old.dispose();
    else this.replaced.push(old);
  }

  private append(random: TestRandom): void {
    const last = this.output.at(-1)!;
    const [spec, width] = pick<[LayerSpec, number]>(random, [
      [{ kind: 'ReLU', args: [] }, last],
      [{ kind: 'Tanh', args: [] }, last],
      [{ kind: 'Square', args: [] }, last],
      [{ kind: 'Linear', args: [last, 5] }, 5],
    ]);
    this.layers.push(spec);
    this.modes.push(true);
    this.model.steps.push({ layer: this.layers.length - 1, inputs: [this.model.steps.length] });
    this.world = undefined;
    this.model.layers = [...this.model.layers, makeLayer(spec)];
    this.output = [...this.output.slice(0, -1), width];
  }

  private dispose(): void {
    // A model without any state may be used again.
    const owns = this.model.parameters().length + this.model.namedBuffers().length > 0;
    this.model.dispose();
    this.world = undefined;
    this.disposed = owns;
    this.phase = { kind: 'idle' };
    this.y = this.dx = undefined;
    this.touched.clear();
  }

  private afterDispose(name: CommandName, random: TestRandom): void {
    const x = given(this.values(random));
    if (name === 'forward' || name === 'predict') {
      checkRefused(() => this.model[name](x), 'the model is disposed of');
    } else if (name === 'backward' || name === 'loss') {
      checkRefused(() => this.model.backward(x), 'the model is disposed of');
    } else if (name === 'step') {
      this.trainer?.optimizer.step();
    } else if (name === 'save' || name === 'load') {
      checkRefused(() => this.model.stateDict(), 'the model is disposed of');
    }
  }

  // --- what they share ---

  /** The state before a call, which is that after the call before. */
  private before(): World {
    return (this.world ??= worldOf(this.model));
  }

  private after(): World {
    return (this.world = worldOf(this.model));
  }

  private outputOf(): Shape {
    return this.y ? this.y.shape : this.output;
  }

  /** An input of a random batch. */
  private values(random: TestRandom): Values {
    const shape = [pick(random, [3, 3, 2, 4, 5, 1]), ...this.input.slice(1)];
    const data = Float64Array.from(random.normals(sizeOf(shape), 0.2, 1.2));
    return { shape, data };
  }

  /** What a forward should give; undefined if it should be refused. */
  private expect(
    world: World,
    x: Values,
    training: (layer: number) => boolean,
  ): Forward | undefined {
    const spec = { layers: [...this.layers], steps: [...this.model.steps] };
    return expectForward(this.model, spec, world, x, training);
  }

  private differentiate(call: () => evenkeel.Tensor, dy: Float64Array, random: TestRandom): void {
    const before = this.before();
    const { phase } = this;
    if (phase.kind !== 'ready' || this.changed || this.lost(phase.forward)) {
      this.refused(
        call,
        'no forward is ready, or its weights have changed or are disposed of',
        before,
      );
      return;
    }
    const { forward } = phase;
    const dx = call();
    const after = this.after();
    const gradients = forward.made.map((one) => one.backward(dy)[0]!);
    // A value may be 0 by chance in the exact run, and not in those with noise.
    const kink = forward.runs.some((run) => run.kink);
    const except = new Set<string>();
    const names = new Map(this.model.namedParameters());
    for (const name of Object.keys(forward.runs[0]!.gradients)) {
      const parameter = forward.trained.get(name);
      if (!parameter?.requiresGrad || parameter.disposed) continue;
      this.touched.add(parameter);
      if (names.get(name) !== parameter) continue;
      except.add(`gradients ${name}`);
      const start = before.gradients[name];
      const sum = expectedOf(forward.runs, (run) => run.gradients[name]!);
      const values = Float64Array.from(sum.values, (v, i) => v + (start?.[i] ?? 0));
      const found = after.gradients[name];
      if (!found) throw new Mismatch(`${name} has no gradient`);
      if (!kink) check(found, { values, slack: sum.slack }, `d ${name}`);
    }
    checkUnchanged(before, after, except);
    const expected = kink ? undefined : expectedOf(gradients, (gradient) => gradient);
    this.phase = { kind: 'finished', forward, dx: expected };
    this.dx = dx;
    this.read = false;
    if (chance(random, 0.5)) this.readInputGradient();
  }

  /** Notes that weights have changed, if the last forward has used one of them. */
  private noteChanges(changed: readonly evenkeel.Parameter[]): void {
    if (this.phase.kind === 'idle') return;
    const { parameters } = this.phase.forward;
    if (changed.some((parameter) => parameters.includes(parameter))) this.changed = true;
  }

  /** Whether a parameter of a forward is disposed of. */
  private lost({ parameters }: Forward): boolean {
    return parameters.some(({ disposed }) => disposed);
  }

  /** Holds that a call is refused, and that nothing has changed by it. */
  private refused(call: () => unknown, why: string, before: World): void {
    checkRefused(call, why);
    checkUnchanged(before, this.after(), new Set());
  }
}

function given({ shape, data }: Values): { shape: number[]; data: Float32Array } {
  return { shape: [...shape], data: Float32Array.from(data) };
}
