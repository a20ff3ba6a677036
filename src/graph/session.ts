import type { Window } from '../memory/memory.ts';
import { Workspace } from '../memory/workspace.ts';
import { type Shape, sameShape, shapeText } from '../tensor/check.ts';
import { allocateGradients, type Parameter } from '../tensor/parameter.ts';
import { type Input, inputShape, inputValues, Tensor } from '../tensor/tensor.ts';
import type { Model } from './model.ts';
import { Plan } from './plan.ts';
import { InputGradient, Result } from './results.ts';
import { traceModule } from './trace.ts';

/** Plans kept for a model; a training set has one or two batch shapes, a server perhaps a few. */
const PLANS_KEPT = 8;

/**
 * What a module needs once somebody calls its `forward`: plans, the workspace they share, and the
 * state of the step.
 */
export class Session {
  /** Counts forwards; a handle of an older one is stale. */
  generation = 0;
  /** The forward whose backward is still to come. */
  private pending: Plan | undefined;
  /** The forward whose backward has run: its input gradient may still be read. */
  private finished: { plan: Plan; versions: number; computed: boolean } | undefined;
  private readonly plans: Plan[] = [];
  /** Plans that will not be used for another forward. */
  private readonly retired: Plan[] = [];
  /** What the plans were made from. */
  private composition: readonly { model: Model; children: readonly Model[] }[] | undefined;
  private parameters: readonly Parameter[] = [];
  private readonly workspace = new Workspace();
  /** `predict` has a workspace of its own: it leaves a pending backward alone. */
  private readonly predictions = new Workspace();

  constructor(private readonly module: Model) {}

  private get who(): string {
    return `${this.module}`;
  }

  forward(inputs: readonly Input[]): Tensor {
    const plan = this.run(inputs, true);
    return new Result(this, plan.output.shape, plan.output.slot);
  }

  predict(inputs: readonly Input[]): Tensor {
    const { output } = this.run(inputs, false);
    return new Tensor(output.shape, output.slot.f32.slice());
  }

  /** @throws Error without a forward to belong to, or where `dy` comes from an older one */
  backward(dy: Input): Tensor[] {
    const plan = this.pending;
    if (!plan) {
      throw new Error(
        this.generation === 0
          ? `${this.who}: backward before forward: call forward first`
          : `${this.who}: backward was already called for the last forward: call forward again first`,
      );
    }
    const shape = inputShape(`${this.who}.backward`, dy);
    if (!sameShape(shape, plan.output.shape)) {
      throw new RangeError(
        `${this.who}.backward: expected the gradient of the last output, ` +
          `${shapeText(plan.output.shape)}, got ${shapeText(shape)}`,
      );
    }
    if (
      dy instanceof Tensor &&
      dy.origin?.session === this &&
      dy.origin.generation !== this.generation
    ) {
      throw new Error(
        `${this.who}.backward: this loss gradient belongs to an older forward: ` +
          'call loss.forward and loss.backward on the last output',
      );
    }
    inputValues(dy); // throws if stale, while nothing has changed yet
    allocateGradients(this.parameters);
    this.pending = undefined;
    // Views are taken last: allocating may have grown the memory that they stand on.
    plan.output.gradient!.f32.set(inputValues(dy));
    plan.backward();
    this.finished = { plan, versions: versionsOf(this.parameters), computed: false };
    return plan.inputs.map((input, i) => new InputGradient(this, input.shape, i));
  }

  /** The input gradient of the last backward, computed when it is first asked for. */
  inputGradient(generation: number, index: number): Window {
    const { finished } = this;
    if (
      !finished ||
      generation !== this.generation ||
      finished.versions !== versionsOf(this.parameters)
    ) {
      throw new Error(
        `${this.who}: this input gradient is stale: read it after backward, ` +
          'before the next forward or optimizer step',
      );
    }
    if (!finished.computed) finished.plan.inputGradients();
    finished.computed = true;
    return finished.plan.inputs[index]!.gradient!;
  }

  checkFresh(generation: number): void {
    if (generation === this.generation) return;
    throw new Error(
      `${this.who}: this result belongs to an earlier forward and was overwritten: ` +
        'keep results with toArray() or clone() before the next forward',
    );
  }

  release(): void {
    this.generation++;
    this.pending = this.finished = undefined;
    this.forgetPlans();
    this.workspace.release();
    this.predictions.release();
  }

  /** Everything that can refuse comes before the first write. */
  private run(inputs: readonly Input[], recording: boolean): Plan {
    const shapes: Shape[] = [];
    for (const input of inputs) shapes.push(inputShape(this.who, input));
    const plan = this.planFor(shapes, recording);
    if (this.parameters.some((parameter) => parameter.disposed)) {
      throw new Error(`${this.who}: used after dispose()`);
    }
    // What stands on the workspace itself must be saved from it. Reading throws if an input is stale,
    // while nothing has changed yet.
    const safe = inputs.map((x) =>
      x instanceof Tensor && x.origin?.session === this ? x.clone() : x,
    );
    plan.verify(this.who, safe.map(inputValues));
    const workspace = recording ? this.workspace : this.predictions;
    workspace.reserve(plan.bytes);
    plan.attach(workspace.ptr);
    // Views are taken last: reserving may have grown the memory that they stand on.
    for (const [i, input] of plan.inputs.entries()) input.slot.set(inputValues(safe[i]!));
    if (recording) {
      this.generation++;
      this.finished = undefined;
      this.pending = plan;
      if (this.retired.length > 0) this.releaseRetired();
    }
    plan.forward();
    return plan;
  }

  /** Forgets the plans of a model whose layers were exchanged since they were made. */
  private followChanges(): void {
    if (this.composition?.every(({ model, children }) => isComposedOf(model, children))) return;
    this.forgetPlans();
    this.composition = this.module
      .namedModules()
      .map(([, model]) => ({ model, children: model.children().map(([, child]) => child) }))
      .filter(({ children }) => children.length > 0);
    this.parameters = this.module.parameters();
  }

  private forgetPlans(): void {
    this.forget(...this.plans.splice(0));
  }

  private forget(...plans: Plan[]): void {
    this.retired.push(...plans);
    this.releaseRetired();
  }

  /** A retired plan keeps its memory for as long as its backward or input gradient may be asked for. */
  private releaseRetired(): void {
    for (const plan of this.retired.splice(0)) {
      if (plan === this.pending || plan === this.finished?.plan) this.retired.push(plan);
      else plan.release();
    }
  }

  private planFor(shapes: readonly Shape[], recording: boolean): Plan {
    this.followChanges();
    for (const plan of this.plans) if (plan.fits(shapes, recording)) return plan;
    for (const shape of shapes) {
      if (shape.includes(0)) {
        throw new RangeError(`${this.who}: input is empty, got ${shapeText(shape)}`);
      }
    }
    const plan = new Plan(...traceModule(this.module, shapes), recording);
    const outdated = this.plans.findIndex((old) => old.outdated);
    if (outdated >= 0 || this.plans.length === PLANS_KEPT) {
      this.forget(...this.plans.splice(Math.max(outdated, 0), 1));
    }
    this.plans.push(plan);
    return plan;
  }
}

/** Whether a model is still composed of these children. */
function isComposedOf(model: Model, children: readonly Model[]): boolean {
  const now = model.children();
  return now.length === children.length && now.every(([, child], i) => child === children[i]);
}

/** Throws what the layers would have against a training step for inputs of these shapes. */
export function verifyStep(module: Model, shapes: readonly Shape[]): void {
  for (const use of traceModule(module, shapes)[0].uses) use.leaf.verify?.(use, use.leaf.training);
}

function versionsOf(parameters: readonly Parameter[]): number {
  let sum = 0;
  for (const parameter of parameters) sum += parameter.version;
  return sum;
}
