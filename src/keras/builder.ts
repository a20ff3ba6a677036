/** Collects the steps of our model while the layers of a Keras model are read one after the other. */
import { type GraphEnds, GraphModule, type GraphStep } from '../module/graphmodule.ts';
import type { Module } from '../module/module.ts';
import { sizeOf } from '../tensor/shape.ts';
import { toFirst, toLast } from './axes.ts';
import { type Fields, fault } from './fields.ts';
import { FreeNames, type Node } from './graph.ts';
import { type Kind, make } from './kinds.ts';
import type { WeightIndex } from './weights.ts';

/** A length of an axis; null if the file does not say it. */
export type Dim = number | null;

/** A tensor of the Keras model, and how ours has it. */
export interface Value {
  /** Its name in our model. */
  readonly name: string;
  /** Keras's axes without the batch. */
  readonly shape: readonly Dim[];
  /** Whether ours has Keras's order of axes, or the last one, channels, moved to the front. */
  readonly order: 'keras' | 'moved';
  /**
   * For features that were flattened from moved axes: feature i of ours is Keras's `features()[i]`. Called once
   * the weights that have one number for each are found, since a file may claim more features than memory has.
   */
  readonly features?: (() => Uint32Array) | undefined;
}

/** A layer of ours that is to be made: everything is checked before the first is. */
interface Plan {
  readonly name: string;
  readonly kind: Kind;
  readonly args: readonly unknown[];
  readonly state: Readonly<Record<string, { shape: readonly number[]; data: Float32Array }>>;
  readonly finish: ((layer: Module) => void) | undefined;
  /** What must be the same in each call of a shared layer. */
  readonly signature: string;
  calls: number;
}

/** What the maker of a step may give beyond its arguments. */
export interface Extras {
  /** Parameters and buffers by name, [shape, values]. */
  readonly state?: Record<string, readonly [readonly number[], Float32Array]>;
  /** What else must be the same in each call. */
  readonly variant?: string;
  readonly finish?: (layer: Module) => void;
}

export class Builder {
  private readonly plans = new Map<string, Plan>();
  private readonly steps: { plan: Plan; name: string; inputs: readonly string[] }[] = [];
  private readonly moved = new Map<string, Value>();
  private readonly names = new FreeNames();

  constructor(
    readonly who: string,
    readonly weights: WeightIndex,
    nodes: readonly Node[],
    /** Whether TensorFlow.js wrote the file, not Keras. */
    readonly fromTensorFlowJs: boolean,
  ) {
    for (const name of new Set(nodes.map(({ name }) => name))) this.names.take(name);
  }

  /**
   * A step of our model. The second call of a layer is one more step of the layer that is there.
   *
   * @param name the layer's, and a part if Keras's layer becomes several of ours: `conv1.activation`
   */
  step(
    call: Call,
    part: string,
    kind: Kind,
    args: readonly unknown[],
    inputs: readonly Value[],
    { state = {}, variant = '', finish }: Extras = {},
  ): string {
    const key = `${call.node.name}\n${part}`;
    const signature = JSON.stringify([kind, args, variant]);
    let plan = this.plans.get(key);
    if (!plan) {
      const name = part ? this.names.take(`${call.node.name}.${part}`) : call.node.name;
      const named = Object.entries(state).map(([name, [shape, data]]) => [name, { shape, data }]);
      plan = { name, kind, args, state: Object.fromEntries(named), finish, signature, calls: 0 };
      this.plans.set(key, plan);
    } else if (plan.signature !== signature) {
      throw new RangeError(
        `${call.place} expected to be called alike each time, got inputs of other sizes or orders: ` +
          'a layer of ours has one padding for all calls',
      );
    }
    plan.calls++;
    const name = plan.calls > 1 ? `${plan.name}#${plan.calls}` : plan.name;
    this.steps.push({ plan, name, inputs: inputs.map((input) => input.name) });
    return name;
  }

  /** The tensor with its axes in the order that a layer needs. */
  ordered(call: Call, value: Value, order: Value['order']): Value {
    if (value.order === order || value.shape.length < 2) return { ...value, order };
    const key = `${order}\n${value.name}`;
    const known = this.moved.get(key);
    if (known) return known;
    const rank = value.shape.length + 1;
    const axes = order === 'moved' ? toFirst(rank) : toLast(rank);
    const part = order === 'moved' ? 'first' : 'last';
    const own = `${part}${call.inputs.length > 1 ? call.inputs.indexOf(value) : ''}`;
    const name = this.step(call, own, 'Permute', [axes], [value]);
    const result: Value = { name, shape: value.shape, order };
    this.moved.set(key, result);
    return result;
  }

  /** A last step that puts the output's axes into another order. */
  output(value: Value, axes: readonly number[]): string {
    const name = this.names.take('last');
    const plan: Plan = {
      ...{
        name,
        kind: 'Permute',
        args: [axes],
        state: {},
        finish: undefined,
        signature: '',
        calls: 1,
      },
    };
    this.steps.push({ plan, name, inputs: [value.name] });
    return name;
  }

  /**
   * Makes the layers and gives them their weights.
   *
   * @throws RangeError for what a layer of ours cannot be; those made before it are released
   */
  build(ends: GraphEnds): GraphModule {
    const layers = new Map<Plan, Module>();
    try {
      for (const { plan } of this.steps) {
        if (layers.has(plan)) continue;
        const layer = make(plan.kind, plan.args);
        layers.set(plan, layer);
        const state: Record<string, { shape: readonly number[]; data: Float32Array }> = {
          ...plan.state,
        };
        if ('running_mean' in state) {
          state.num_batches_tracked = { shape: [], data: new Float32Array(1) };
        }
        layer.loadStateDict(state);
        plan.finish?.(layer);
      }
      const steps = this.steps.map(
        ({ plan, name, inputs }): GraphStep => ({ name, layer: layers.get(plan)!, inputs }),
      );
      return new GraphModule(steps, ends);
    } catch (cause) {
      for (const layer of layers.values()) layer.dispose();
      throw new RangeError(`${this.who}: ${(cause as Error).message}`.slice(0, 600), { cause });
    }
  }
}

/** A call of a Keras layer: what its reader sees. */
export class Call {
  readonly place: string;
  readonly fields: Fields;
  private next = 0;

  constructor(
    private readonly builder: Builder,
    readonly node: Node,
    /** Whether the layer is called at several places. */
    readonly shared: boolean,
    readonly inputs: readonly Value[],
  ) {
    this.fields = node.layer.fields;
    this.place = this.fields.place;
  }

  get fromTensorFlowJs(): boolean {
    return this.builder.fromTensorFlowJs;
  }

  /** The only input. @param rank how many axes it must have without the batch */
  input(...ranks: number[]): Value {
    const [value] = this.inputs;
    if (!value || this.inputs.length > 1) throw fault(this.place, 'one input', this.inputs.length);
    if (ranks.length === 0 || ranks.includes(value.shape.length)) return value;
    const expected = ranks.map((rank) => `${rank + 1}`).join(' or ');
    throw fault(`${this.place}: input`, `${expected} axes with the batch`, value.shape.length + 1);
  }

  /** The only input, with its axes in this order. */
  ordered(order: Value['order'], ...ranks: number[]): Value {
    return this.builder.ordered(this, this.input(...ranks), order);
  }

  /** Any of the inputs with its axes in this order. */
  reorder(value: Value, order: Value['order']): Value {
    return this.builder.ordered(this, value, order);
  }

  /** A weight of the layer; ask for them in the order in which Keras lists them. */
  weight(name: string, shape: readonly number[]): Float32Array {
    return this.builder.weights.take(this.place, this.node.layer.name, name, this.next++, shape);
  }

  /** The shape that the file gives the next weight. */
  weightShape(name: string): readonly number[] | undefined {
    return this.builder.weights.shapeOf(this.node.layer.name, name, this.next);
  }

  step(
    part: string,
    kind: Kind,
    args: readonly unknown[],
    inputs: readonly Value[],
    extras?: Extras,
  ) {
    return this.builder.step(this, part, kind, args, inputs, extras);
  }

  /** A length that must be known. */
  known(dim: Dim | undefined, what: string): number {
    if (typeof dim === 'number') return dim;
    throw fault(
      `${this.place}: input`,
      `a known ${what} (give the sizes that the file leaves open: { inputShape })`,
      dim,
    );
  }

  /** The product of lengths that must be known. */
  knownSize(shape: readonly Dim[]): number {
    return sizeOf(shape.map((dim) => this.known(dim, 'size')));
  }
}

/** Whether a tensor has the same bytes in both orders. */
export function orderless({ shape }: Value): boolean {
  return shape.at(-1) === 1 || shape.slice(0, -1).every((dim) => dim === 1);
}
