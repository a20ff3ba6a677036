/**
 * Runs a random sequence of calls on a random network, and holds every call against the float64
 * interpreter. Each call begins with the bits that the one before has left, so that errors do not add up.
 */
import { TestRandom } from '../support/random.ts';
import { chance, pick } from './choices.ts';
import { sizeOf } from './interpreter/run.ts';
import { given } from './known.ts';
import { type LayerSpec, makeLayer } from './net.ts';
import { Running } from './running.ts';
import { Trainer } from './trainer.ts';
import { check, checkRefused, checkUnchanged, Mismatch } from './world.ts';
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

export class Machine extends Running {
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

  protected step(random: TestRandom): void {
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

  protected zeroGrad(random: TestRandom): void {
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

  protected save(): void {
    this.saved = this.model.stateDict();
  }

  protected load(): void {
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

  protected badForward(random: TestRandom): void {
    const x = this.values(random);
    const { data, shape } = given(x);
    const wrong = wrongInput(random, data, shape);
    const before = this.before();
    const call = chance(random, 0.5) ? 'forward' : 'predict';
    this.refused(() => this.model[call](wrong), `the input is ${String(wrong)}`, before);
  }

  protected badBackward(random: TestRandom): void {
    const shape = this.outputOf();
    if (sizeOf(shape) === 1) return;
    const wrong = wrongGradient(random, shape);
    const before = this.before();
    this.refused(() => this.model.backward(wrong), 'the gradient does not fit', before);
  }

  protected badLoad(random: TestRandom): void {
    const own = this.model.stateDict();
    if (Object.keys(own).length === 0) return;
    const state = wrongState(random, own);
    const before = this.before();
    this.refused(() => this.model.loadStateDict(state), 'the state dict is wrong', before);
  }

  protected freeze(random: TestRandom): void {
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

  protected mode(random: TestRandom): void {
    const training = chance(random, 0.5);
    const i = random.integer(this.layers.length * 2);
    if (i < this.layers.length) this.model.layers[i]!.train(training);
    else this.model.train(training);
    for (const j of this.modes.keys())
      if (i === j || i >= this.layers.length) this.modes[j] = training;
  }

  protected replace(random: TestRandom): void {
    const i = random.integer(this.layers.length);
    const old = this.model.layers[i]!;
    const replacement = makeLayer(this.layers[i]!);
    this.modes[i] = true;
    this.world = undefined;
    this.model.layers = this.model.layers.map((layer, j) => (j === i ? replacement : layer));
    if (chance(random, 0.5)) old.dispose();
    else this.replaced.push(old);
  }

  protected append(random: TestRandom): void {
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

  protected dispose(): void {
    // A model without any state may be used again.
    const owns = this.model.parameters().length + this.model.namedBuffers().length > 0;
    this.model.dispose();
    this.world = undefined;
    this.disposed = owns;
    this.phase = { kind: 'idle' };
    this.y = this.dx = undefined;
    this.touched.clear();
  }

  protected afterDispose(name: CommandName, random: TestRandom): void {
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
}
