import { deferReleases, type View } from '../memory/memory.ts';
import { Workspace } from '../memory/workspace.ts';
import { allocateGradients, type Parameter } from '../tensor/parameter.ts';
import { type Reading, read } from '../tensor/reading.ts';
import type { Shape } from '../tensor/shape.ts';
import { type Input, Tensor } from '../tensor/tensor.ts';
import type { Model } from './model.ts';
import type { Value } from './node.ts';
import type { Observer } from './observer.ts';
import { checkHeld, checkSettled, isHeld, type Place, placesOf } from './places.ts';
import { Plan } from './plan.ts';
import { InputGradient, Result } from './results.ts';
import { readSeeds } from './seeds.ts';
import { traceModule } from './trace.ts';

/** Plans kept for a model; a training set has one or two batch shapes, a server perhaps a few. */
const PLANS_KEPT = 8;

/**
 * The state of a session. A backward belongs to the forward before it, and is possible once; the input
 * gradient belongs to that backward.
 */
type State =
  | { readonly kind: 'idle'; readonly because: 'new' | 'consumed' | 'failed' | 'disposed' }
  /** A forward has run. */
  | ({ readonly kind: 'ready'; readonly observers: readonly Observer[] } & Ran)
  /** Its backward has run, too. */
  | ({ readonly kind: 'finished'; computed: boolean } & Ran);

/** A forward: its plan and parameters. `versions` tells whether one of these has changed since. */
interface Ran {
  readonly plan: Plan;
  readonly parameters: readonly Parameter[];
  /** The parameters' counts of writes. */
  readonly writes: Writes;
  readonly versions: number;
}

/** What is running now. */
type Activity = 'forward' | 'predict' | 'backward';

/** Why there is no forward for a backward. */
const NO_FORWARD = {
  new: 'backward before forward: call forward first',
  consumed: 'backward was already called for the last forward: call forward again first',
  failed: 'the last step ended with an error: call forward again first',
  disposed: 'backward after dispose()',
} as const;

/**
 * What a module gets at the first call of its `forward`: the plans, the workspace they share, and the state
 * of the step.
 */
export class Session {
  /** Counts forwards; results of an older one are stale. */
  generation = 0;
  private state: State = { kind: 'idle', because: 'new' };
  private activity: Activity | undefined;
  /** Whether `dispose()` was called during the activity that is running. */
  private disposed = false;
  /** Those who may want to see a recorded step. */
  private readonly observers = new Set<Observer>();
  private readonly plans: Plan[] = [];
  /** Plans that will not be used for another forward. */
  private readonly retired: Plan[] = [];
  /** What the plans were made from. */
  private composition: readonly { model: Model; children: readonly Model[] }[] | undefined;
  private parameters: readonly Parameter[] = [];
  private places: readonly Place[] = [];
  /** The parameters' counts of writes. */
  private writes: Writes = [];
  private readonly workspace = new Workspace(this);
  /** `predict` has a separate workspace, so that a backward is still possible after it. */
  private readonly predictions = new Workspace(this);
  /** The results of the last forward. */
  private outputs: readonly View[] = [];

  constructor(private readonly module: Model) {}

  private get who(): string {
    return `${this.module}`;
  }

  forward(inputs: readonly Input[]): unknown {
    const readings = this.readAll(inputs, this.workspace);
    const { returned } = this.during('forward', () => this.run('forward', readings));
    return returned.like(({ shape, slot }, i) => new Result(this, shape, slot, i));
  }

  /** @param observers see the prediction; given only for a prediction that is observed */
  predict(inputs: readonly Input[], observers?: readonly Observer[]): unknown {
    const readings = this.readAll(inputs, this.predictions);
    const { returned } = this.during('predict', () => this.run('predict', readings, observers));
    return returned.like(({ shape, slot }) => new Tensor(shape, slot.f32.slice()));
  }

  /** Lets `observer` see recorded steps. Returns a function that ends it. */
  observe(observer: Observer): () => void {
    this.observers.add(observer);
    return () => this.observers.delete(observer);
  }

  /**
   * @param given gradients of the output, or of outputs by name, which add up; 1 if left out
   * @throws Error if no forward is ready for it, if a gradient belongs to an older forward, or if a parameter
   *   has changed since the forward
   */
  backward(given: readonly unknown[]): Tensor[] {
    this.checkIdle('backward');
    const state = this.ready();
    const { plan, parameters, writes, versions, observers } = state;
    const { who, generation } = this;
    const current = { session: this, generation };
    const seeds = readSeeds(`${who}.backward`, given, plan.returned, current);
    // Reading a gradient may have run code of its own.
    if (state !== this.state) throw new Error(`${who}: ${NO_FORWARD.failed}`);
    if (versions !== sum(writes) || !this.places.every(isHeld)) {
      throw new Error(
        `${this.who}.backward: a parameter was changed after the forward: call optimizer.step() after ` +
          'backward, and forward again',
      );
    }
    this.checkAlive(parameters);
    this.during('backward', () => {
      allocateGradients(parameters);
      this.state = { kind: 'idle', because: 'failed' }; // unless the step arrives at its end
      // Views are taken last: allocation may have grown the memory, which detaches older views.
      const seeded = new Set<Value>();
      for (const [value, { values }] of seeds) {
        const { f32 } = value.gradient!;
        if (seeded.has(value)) for (let i = 0; i < f32.length; i++) f32[i]! += values[i]!;
        else f32.set(values);
        seeded.add(value);
      }
      this.execute(() => plan.backward(observers, seeded));
      for (const observer of observers) observer.end?.(plan);
      const now = sum(writes);
      this.state = { kind: 'finished', plan, parameters, writes, versions: now, computed: false };
    });
    return plan.inputs.map((input, i) => new InputGradient(this, input.shape, i));
  }

  /** The state, if a backward may follow. */
  private ready(): State & { kind: 'ready' } {
    const { state } = this;
    if (state.kind === 'ready') return state;
    const because = state.kind === 'finished' ? 'consumed' : state.because;
    throw new Error(`${this.who}: ${NO_FORWARD[because]}`);
  }

  /** The input gradient of the last backward, computed when it is first asked for. */
  inputGradient(generation: number, index: number): View {
    const { state } = this;
    if (
      state.kind !== 'finished' ||
      generation !== this.generation ||
      state.versions !== sum(state.writes)
    ) {
      throw new Error(
        `${this.who}: this input gradient is stale: read it after backward, ` +
          'before the next forward or optimizer step',
      );
    }
    if (!state.computed) {
      this.checkAlive(state.parameters);
      this.during('backward', () => this.execute(() => state.plan.inputGradients()));
      state.computed = true;
    }
    return state.plan.inputs[index]!.gradient!;
  }

  /** The values of results, if another model has taken the workspace since. */
  kept(generation: number): readonly Float32Array[] | undefined {
    this.checkFresh(generation);
    return this.workspace.kept;
  }

  private checkFresh(generation: number): void {
    if (generation === this.generation) return;
    throw new Error(
      `${this.who}: this result belongs to an earlier forward and was overwritten: ` +
        'keep results with toArray() or clone() before the next forward',
    );
  }

  /** Releases all memory; an activity that is running can finish. */
  release(): void {
    this.generation++;
    this.disposed = true;
    this.state = { kind: 'idle', because: 'disposed' };
    this.forgetPlans();
    this.workspace.release();
    this.predictions.release();
  }

  /** @throws Error if a user's layer, during a step, has called the model that it is part of */
  private checkIdle(activity: Activity): void {
    if (!this.activity) return;
    throw new Error(
      `${this.who}: ${activity} was called inside the model's own ${this.activity}: call it afterwards`,
    );
  }

  /** @throws Error if a user's layer has disposed of the model during the step */
  private execute(step: () => void): void {
    deferReleases(step);
    if (!this.disposed) return;
    throw new Error(`${this.who}: dispose() was called inside the model's own ${this.activity}`);
  }

  private during<T>(activity: Activity, work: () => T): T {
    this.checkIdle(activity);
    this.activity = activity;
    this.disposed = false;
    this.workspace.hold();
    this.predictions.hold();
    try {
      return work();
    } finally {
      this.activity = undefined;
      this.offerWorkspaces();
    }
  }

  /** Between steps other models may use the workspaces, once only the result may still be read. */
  private offerWorkspaces(): void {
    const { state } = this;
    this.predictions.offer(always);
    if (state.kind === 'idle') this.workspace.offer(always, this.outputs);
    else if (state.kind === 'finished') {
      this.workspace.offer(changedSince(state.writes, state.versions), this.outputs);
    }
  }

  /** Everything that can throw comes before the first write. */
  private run(
    activity: 'forward' | 'predict',
    inputs: readonly Reading[],
    observers: readonly Observer[] = [],
  ): Plan {
    const recording = activity === 'forward';
    if (recording && this.observers.size > 0) {
      observers = [...this.observers].filter((observer) => observer.wants(this.module.training));
    }
    const shapes = inputs.map(({ shape }) => shape);
    this.followChanges();
    this.checkAlive(this.parameters);
    const plan = this.planFor(shapes, recording, observers.length > 0);
    this.checkAlive(this.parameters); // the author's forward, which was traced, may have disposed of anything
    // Reading the values throws if an input is stale or was changed, while nothing else has changed yet.
    plan.verify(
      this.who,
      inputs.map(({ values }) => values),
    );
    const workspace = recording ? this.workspace : this.predictions;
    workspace.reserve(plan.bytes, true);
    plan.attach(workspace.ptr);
    if (recording) {
      this.generation++;
      this.outputs = [];
      this.state = { kind: 'idle', because: 'failed' }; // unless the step arrives at its end
      this.releaseRetired();
    }
    // Views are taken last: reserving may have grown the memory, which detaches older views.
    for (const [i, input] of plan.inputs.entries()) input.slot.set(inputs[i]!.values);
    this.execute(() => plan.forward(observers));
    if (recording) {
      const { parameters, writes } = this;
      const versions = sum(writes);
      this.state = { kind: 'ready', plan, parameters, writes, versions, observers };
      this.outputs = plan.outputSlots;
    }
    return plan;
  }

  /** Reads the inputs. A result of this model, and what else stands in `workspace`, is copied. */
  private readAll(inputs: readonly Input[], workspace: Workspace): Reading[] {
    const { who } = this;
    return inputs.map((input) => {
      const own = input instanceof Tensor && input.origin?.session === this;
      return read(who, own ? input.clone() : input, workspace);
    });
  }

  private checkAlive(parameters: readonly Parameter[]): void {
    if (this.disposed || parameters.some((parameter) => parameter.disposed)) {
      throw new Error(`${this.who}: used after dispose()`);
    }
  }

  /** Forgets the plans of a model whose layers or parameters were exchanged since they were made. */
  private followChanges(): void {
    if (
      this.composition?.every(({ model, children }) => isComposedOf(model, children)) &&
      this.places.every(isHeld) &&
      !this.parameters.some((parameter) => parameter.disposed)
    ) {
      return;
    }
    for (const place of this.places) checkHeld(place);
    if (this.state.kind !== 'idle' && !this.places.every(isHeld)) {
      this.state = { ...this.state, versions: Number.NaN }; // the step's parameters are not the model's any more
    }
    this.forgetPlans();
    const modules = this.module.namedModules();
    for (const [, model] of modules) checkSettled(model);
    this.places = modules.flatMap(([, model]) => placesOf(model));
    this.composition = modules
      .map(([, model]) => ({ model, children: model.children().map(([, child]) => child) }))
      .filter(({ children }) => children.length > 0);
    this.parameters = this.module.parameters();
    this.writes = this.parameters.map(({ writes }) => writes);
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
      if (this.state.kind !== 'idle' && plan === this.state.plan) this.retired.push(plan);
      else plan.release();
    }
  }

  private planFor(shapes: readonly Shape[], recording: boolean, observed: boolean): Plan {
    const modes = this.composition!.map(({ model }) => recording && model.training);
    const known = this.plans.find((plan) => plan.fits(shapes, recording, modes, observed));
    if (known) return known;
    const traced = traceModule(this.module, shapes, !recording);
    const plan = new Plan(traced, recording, modes, observed);
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

/** Throws if a layer would refuse a training step for inputs of these shapes. */
export function verifyStep(module: Model, shapes: readonly Shape[]): void {
  for (const use of traceModule(module, shapes)[0].uses) use.leaf.verify?.(use, use.leaf.training);
}

/** Counts of the writes to parameters. */
type Writes = readonly { readonly count: number }[];

function sum(writes: Writes): number {
  let total = 0;
  for (const { count } of writes) total += count;
  return total;
}

// What a workspace on offer calls must not refer to the session, so that a dropped model can be collected.

function always(): boolean {
  return true;
}

/** Asks whether a parameter was written: the input gradient is then stale. */
function changedSince(writes: Writes, versions: number): () => boolean {
  return () => sum(writes) !== versions;
}
