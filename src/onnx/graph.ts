/** What a file's graph is turned into while it is read: values that are known, tensors, and what has no layer. */
import { graphOf } from '../analysis/graphof.ts';
import { outline } from '../analysis/outline.ts';
import type { GraphStep } from '../module/graphmodule.ts';
import { Module } from '../module/module.ts';
import type { Shape } from '../tensor/shape.ts';
import type { Tensor } from '../tensor/tensor.ts';
import type { Message } from './schema.ts';
import type { Constant } from './tensors.ts';

/** A tensor that the network computes: the name of an input or a step, and its shape while the file is read. */
export interface Computed {
  readonly name: string;
  readonly shape: Shape;
  /** Whether it is an input of whole numbers, or a Cast made them, so that only what takes such may read it. */
  readonly whole?: 'input' | 'cast' | undefined;
  /**
   * Of a recurrent network: the tensor whose directions stand side by side on the last axis, and the axis that the
   * directions have here.
   */
  readonly directions?: { readonly plain: Computed; readonly axis: number };
}

/** The output of a node that no layer computes alone. A pattern may still contain it. */
export interface Unsupported {
  readonly error: Error;
}

export type Value = Constant | Computed | Unsupported;

export const isConstant = (value: Value | undefined): value is Constant =>
  value !== undefined && 'values' in value;

export const isComputed = (value: Value | undefined): value is Computed =>
  value !== undefined && 'name' in value;

/** A node, and what is known of its inputs. */
export interface Source {
  readonly node: Message<'Node'>;
  readonly index: number;
}

/** The list of layers that a file becomes. */
export class Steps {
  readonly list: GraphStep[] = [];
  private readonly taken = new Set<string>();
  /** Layers by what they were made of, so that nodes that share weights share the layer. */
  private readonly made = new Map<
    string,
    { readonly layer: Module; readonly name: string; calls: number }
  >();

  private readonly inputs: string[] = [];
  /** The names that were wanted for the layers. */
  private readonly wanted = new Map<Module, string>();

  /** The name of an input. */
  input(wanted: string): string {
    const name = this.unique(wanted);
    this.inputs.push(name);
    return name;
  }

  /** A name that no step or input has. */
  private unique(wanted: string): string {
    return uniqueName(wanted, this.taken);
  }

  /**
   * Adds a call of a layer.
   *
   * @param key what the layer is made of; a second call with the same key is one of the same layer
   */
  add(
    wanted: string,
    make: () => Module,
    inputs: readonly Computed[],
    key: string | undefined,
  ): Computed {
    const known = key === undefined ? undefined : this.made.get(key);
    const layer = known?.layer ?? make();
    this.wanted.set(layer, this.wanted.get(layer) ?? wanted);
    const shape = shapeOf(layer, inputs);
    const place = known?.name ?? this.unique(wanted);
    const call = known ? ++known.calls : 1;
    const name = call > 1 ? `${place}#${call}` : place;
    if (key !== undefined && !known) this.made.set(key, { layer, name: place, calls: 1 });
    this.list.push({ name, layer, inputs: inputs.map((input) => input.name) });
    return { name, shape };
  }

  /** Adds the operations on tensors that `compute` calls. */
  addOperations(
    wanted: string,
    compute: (...inputs: Tensor[]) => Tensor,
    inputs: readonly Computed[],
  ): Computed {
    const shapes = inputs.map(({ shape }) => shape);
    const graph = graphOf(new Computation(compute), shapes.length === 1 ? shapes[0]! : shapes);
    const made = new Map(graph.inputs.map((name, i) => [name, inputs[i]!]));
    for (const { name, layer, inputs: read } of graph.steps) {
      const given = read.map((each) => made.get(each)!);
      made.set(
        name,
        this.add(wanted, () => layer, given, undefined),
      );
    }
    return made.get(graph.output)!;
  }

  /** The steps that the output depends on. The layers of others are disposed of. */
  upTo(output: string): GraphStep[] {
    const wanted = new Set([output]);
    const kept: GraphStep[] = [];
    for (let i = this.list.length - 1; i >= 0; i--) {
      const step = this.list[i]!;
      if (!wanted.has(step.name)) continue;
      for (const input of step.inputs) wanted.add(input);
      kept.push(step);
    }
    kept.reverse();
    const alive = new Set(kept.map(({ layer }) => layer));
    for (const { layer } of this.list) if (!alive.has(layer)) layer.dispose();
    return renamed(kept, this.wanted, new Set(this.inputs));
  }

  dispose(): void {
    for (const { layer } of this.list) layer.dispose();
  }
}

function uniqueName(wanted: string, taken: Set<string>): string {
  const base = wanted.replace(/#\d+$/, '') || 'layer';
  let name = base;
  for (let i = 1; taken.has(name); i++) name = `${base}_${i}`;
  taken.add(name);
  return name;
}

/** Gives each layer the name that was wanted, which a layer that is gone may have had, and numbers its calls. */
function renamed(
  steps: readonly GraphStep[],
  wanted: ReadonlyMap<Module, string>,
  taken: Set<string>,
): GraphStep[] {
  const places = new Map<Module, { readonly name: string; calls: number }>();
  const names = new Map<string, string>();
  return steps.map(({ name, layer, inputs }) => {
    const place = places.get(layer) ?? { name: uniqueName(wanted.get(layer)!, taken), calls: 0 };
    places.set(layer, place);
    place.calls++;
    const now = place.calls > 1 ? `${place.name}#${place.calls}` : place.name;
    names.set(name, now);
    return { name: now, layer, inputs: inputs.map((input) => names.get(input) ?? input) };
  });
}

/** A function of tensors, so that its operations can be listed. */
class Computation extends Module {
  constructor(private readonly compute: (...inputs: Tensor[]) => Tensor) {
    super();
  }

  override forward(x: Tensor | readonly Tensor[]): Tensor {
    return this.compute(...[x as Tensor | Tensor[]].flat());
  }
}

/** The shape that a layer gives for its inputs' shapes. */
function shapeOf(layer: Module, inputs: readonly Computed[]): Shape {
  const shapes = inputs.map(({ shape }) => shape);
  const [, { values }] = outline('fromONNX', layer, shapes.length === 1 ? shapes[0]! : shapes);
  return values[0]!.shape;
}
