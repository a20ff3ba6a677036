/** The calls that run the network: forward, backward, losses and predict, each beside the interpreter's run. */
import type * as evenkeel from '../../src/index.ts';
import type { TestRandom } from '../support/random.ts';
import { chance, pick } from './choices.ts';
import { checkOutput, expectedOf } from './expected.ts';
import { sizeOf } from './interpreter/run.ts';
import { given, Known } from './known.ts';
import { randomLoss } from './random-loss.ts';
import { check, checkUnchanged, Mismatch } from './world.ts';

export abstract class Running extends Known {
  protected forward(random: TestRandom): void {
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

  protected backward(random: TestRandom): void {
    const dy = Float64Array.from(random.normals(sizeOf(this.outputOf())));
    this.differentiate(() => this.model.backward({ data: dy, shape: this.outputOf() }), dy, random);
  }

  protected loss(random: TestRandom): void {
    const { y } = this;
    if (!y) return;
    const prediction = y.toArray();
    const { loss, expected, ...calls } = randomLoss(random, y.shape, prediction);
    this.ends.push(loss);
    const before = this.before();
    const value = calls.forward(y);
    check([value], { values: [expected.loss], slack: 1e-5 * Math.abs(expected.loss) }, 'loss');
    const scale = pick(random, [1, 0.5]);
    const dy = calls.backward(scale);
    check(
      dy.toArray(),
      { values: expected.gradient.map((g) => g * scale), slack: 0 },
      'gradient of the loss',
    );
    checkUnchanged(before, this.after(), new Set());
    this.differentiate(() => this.model.backward(dy), Float64Array.from(dy.toArray()), random);
  }

  protected predict(random: TestRandom): void {
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

  protected readInputGradient(): void {
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

  protected differentiate(call: () => evenkeel.Tensor, dy: Float64Array, random: TestRandom): void {
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
}
