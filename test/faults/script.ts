/** What the fault tests run: a model from its construction to a short training, in phases that can be tried again. */
import {
  type FitOptions,
  fit,
  fold,
  MSELoss,
  manualSeed,
  memoryUsage,
  type StateDict,
  type Tensor,
  type TrainingData,
} from '../../src/index.ts';
import { Injector, isInjected, type Place } from './faults.ts';
import { batchOf, type Kind, type Parts } from './models.ts';

/** What a phase leaves to compare, as bits. */
type Bits = readonly (readonly number[])[];

/** A step of the script. If it throws, nothing has changed, and it can be called again. */
interface Phase {
  readonly name: string;
  /** Whether what it makes before it throws can only be garbage-collected, because nobody has it yet. */
  readonly drops?: boolean;
  run(): Bits | Promise<Bits>;
}

const bitsOf = (values: Float32Array): number[] => [...new Int32Array(values.slice().buffer)];
const stateOf = (state: StateDict): number[][] =>
  Object.values(state).map((t) => bitsOf(t.toArray()));

type Batch = ReturnType<typeof batchOf>;
/** A batch as `fit` takes it. */
type Item = TrainingData extends infer D ? (D extends Iterable<infer B> ? B : never) : never;

export class Script {
  private parts!: Parts;
  private other!: Parts;
  private y!: Tensor;
  private gradient: Tensor | undefined;
  private start: [StateDict, ReturnType<Parts['optimizer']['stateDict']>, object?] | undefined;
  private readonly made: { dispose(): void }[] = [];

  constructor(private readonly kind: Kind) {}

  get phases(): readonly Phase[] {
    const small = batchOf(this.kind, 4, 1);
    const large = batchOf(this.kind, 9, 2);
    return [
      { name: 'construction', drops: true, run: () => this.construct() },
      ...this.step('first', small, large),
      ...this.step('second, larger', large, small),
      { name: 'fold', run: () => this.fold(small) },
      { name: 'another construction', drops: true, run: () => this.constructOther() },
      { name: 'load', run: () => this.load() },
      { name: 'fit', run: () => this.fit() },
    ];
  }

  private step(which: string, batch: Batch, unseen: Batch): Phase[] {
    const parts = () => this.parts; // which does not exist before the construction
    const name = (what: string) => `${which} ${what}`;
    return [
      {
        name: name('forward'),
        run: () => {
          this.y = parts().model.forward(batch.x);
          return [bitsOf(this.y.toArray())];
        },
      },
      {
        name: name('prediction'),
        run: () => [bitsOf(parts().model.predict(unseen.x).toArray())],
      },
      {
        name: name('loss'),
        run: () => [[parts().loss.forward(this.y, this.targets(batch))]],
      },
      { name: name('backward'), run: () => this.backward() },
      {
        name: name('clipping'),
        run: () => {
          parts().beforeStep?.();
          return this.gradients();
        },
      },
      {
        name: name('step'),
        run: () => {
          parts().optimizer.step();
          return this.state();
        },
      },
      {
        name: name('average'),
        run: () => {
          parts().ema?.update();
          return this.state();
        },
      },
    ];
  }

  private targets({ numbers, labels }: Batch): Tensor | Int32Array {
    return this.parts.loss instanceof MSELoss ? numbers : labels;
  }

  private gradients(): Bits {
    return this.parts.model.parameters().map(({ grad }) => bitsOf(grad!.toArray()));
  }

  private backward(): Bits {
    const { model, loss, optimizer } = this.parts;
    optimizer.zeroGrad();
    // The loss's gradient is taken once. If the model's backward fails, it is still there.
    this.gradient ??= loss.backward();
    const dx = [model.backward<Tensor | Tensor[]>(this.gradient)].flat();
    this.gradient = undefined;
    return [...dx.map((gradient) => bitsOf(gradient.toArray())), ...this.gradients()];
  }

  /** All that training changes. */
  private state({ model, optimizer, ema } = this.parts): Bits {
    const moments = Object.values(optimizer.stateDict().state);
    return [
      ...stateOf(model.stateDict()),
      ...moments.flatMap((entry) => stateOf(entry as StateDict)),
      ...(ema ? stateOf(ema.stateDict().state) : []),
    ];
  }

  private make(): Parts {
    const parts = this.kind.make();
    const { model, loss, optimizer, ema } = parts;
    this.made.push(model, loss, optimizer, ...(ema ? [ema] : []));
    return parts;
  }

  private construct(): Bits {
    manualSeed(7);
    this.parts = this.make();
    return this.state();
  }

  private constructOther(): Bits {
    manualSeed(9);
    this.other = this.make();
    return this.state(this.other);
  }

  private fold({ x }: Batch): Bits {
    const shapes = ([x].flat() as Tensor[]).map(({ shape }) => shape);
    const network = fold(this.parts.model, shapes.length === 1 ? shapes[0]! : shapes);
    this.made.push(network);
    return stateOf(network.stateDict());
  }

  /** Loads into another model, whose optimizer has no moments yet. */
  private load(): Bits {
    const [from, to] = [this.parts, this.other];
    to.model.loadStateDict(from.model.stateDict());
    to.optimizer.loadStateDict(from.optimizer.stateDict());
    to.ema?.loadStateDict(from.ema!.stateDict());
    return this.state(to);
  }

  /** Runs the phases up to one of this name. */
  async until(name: string): Promise<void> {
    for (const phase of this.phases) {
      await phase.run();
      if (phase.name === name) return;
    }
    throw new Error(`no phase ${name}`);
  }

  /** The model and what trains it. */
  get trained(): Parts {
    return this.parts;
  }

  /** Trains for two epochs of unequal batches, from the state in which it was when this was first called. */
  async fit(
    extra: () => Partial<FitOptions> = () => ({}),
    data: TrainingData = this.data(),
    between = () => {},
  ): Promise<Bits> {
    const { model, loss, optimizer, schedule, beforeStep } = this.parts;
    this.start ??= [model.stateDict(), optimizer.stateDict(), schedule?.stateDict()];
    model.loadStateDict(this.start[0]);
    optimizer.loadStateDict(this.start[1]);
    if (this.start[2]) schedule!.loadStateDict(this.start[2] as never);
    manualSeed(8);
    const validation = this.data();
    const losses: number[] = [];
    const options = { loss, optimizer, schedule, beforeStep, epochs: 2, validation, ...extra() };
    for await (const progress of fit(model, data, options)) {
      between();
      losses.push(progress.loss, progress.validation?.loss ?? 0);
    }
    return [losses, ...this.state()];
  }

  /** Batches of 5 and 12 samples. */
  data(): Item[] {
    return [batchOf(this.kind, 5, 3), batchOf(this.kind, 12, 4)].map((batch) => ({
      inputs: batch.x,
      targets: this.targets(batch),
    })) as unknown as Item[];
  }

  dispose(): void {
    for (const thing of this.made.splice(0).reverse()) thing.dispose();
  }
}

/** Bytes that are allocated now. */
export const used = (): number => memoryUsage().used;

/** A script that was played to its end. */
export interface Played {
  /** What each phase left. */
  readonly bits: Readonly<Record<string, Bits>>;
  /** The calls that each phase made. */
  readonly calls: Readonly<Record<string, number>>;
  /** The phases in which the injector failed. */
  readonly failed: readonly Phase[];
}

/**
 * Plays the script from the construction to the disposal. A phase that fails is tried again until it
 * succeeds. Any error but an injected one is thrown.
 */
export async function play(kind: Kind, place: Place, injector = new Injector()): Promise<Played> {
  const script = new Script(kind);
  const bits: Record<string, Bits> = {};
  const calls: Record<string, number> = {};
  const failed: Phase[] = [];
  for (const phase of script.phases) {
    const before = injector.calls;
    for (;;) {
      try {
        bits[phase.name] = await injector.during(place, () => phase.run());
        break;
      } catch (error) {
        if (!isInjected(error)) throw error;
        failed.push(phase);
      }
    }
    calls[phase.name] = injector.calls - before;
  }
  script.dispose();
  return { bits, calls, failed };
}
