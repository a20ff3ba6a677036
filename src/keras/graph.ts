/**
 * Takes a model apart: models inside of models are replaced by their layers, and every call of a layer is a
 * node that knows what it reads and what reads it.
 */
import { fault, named } from './fields.ts';
import type { KerasLayer, KerasModel, Ref } from './topology.ts';

/** A call of a layer. */
export interface Node {
  readonly layer: KerasLayer;
  /** The dotted name of the layer, under which its parameters stand. */
  readonly name: string;
  readonly inputs: readonly Node[];
  readonly consumers: Node[];
}

export interface NodeGraph {
  readonly inputs: readonly Node[];
  readonly output: Node;
  /** Every node that the output needs, and the inputs, in the order in which they can run. */
  readonly order: readonly Node[];
}

/** The most calls: models that call models several times, level after level, would have any number. */
const MOST = 20_000;

/**
 * @param output which output: a name or an index; may be left out if there is one
 * @throws RangeError for references to what is not there, circles, and several outputs without a choice
 */
export function graphOfModel(
  who: string,
  model: KerasModel,
  output: string | number | undefined,
): NodeGraph {
  const chosen = choose(who, model.outputs, output);
  const all: Node[] = [];
  const names = new Map<KerasLayer, string>();
  const free = new FreeNames();
  let calls = 0;
  const make = (layer: KerasLayer, prefix: string, inputs: readonly Node[]): Node => {
    if (++calls > MOST) {
      throw new RangeError(`${who}: model expected at most ${MOST} calls of layers, got more`);
    }
    const name = names.get(layer) ?? free.take(`${prefix}${layer.name}`);
    names.set(layer, name);
    const node = { layer, name, inputs, consumers: [] };
    // A model inside is counted; what it stands for are its layers.
    if (!layer.model) all.push(node);
    return node;
  };
  const inputs = model.inputs.map((ref) => make(inputLayer(who, model, ref), '', []));
  const end = expand(who, model, '', inputs, make)(chosen);
  const needed = new Set<Node>(inputs);
  const stack = [end];
  for (let node = stack.pop(); node; node = stack.pop()) {
    if (needed.has(node)) continue;
    needed.add(node);
    stack.push(...node.inputs);
  }
  const order = all.filter((node) => needed.has(node));
  for (const node of order) for (const input of new Set(node.inputs)) input.consumers.push(node);
  return { inputs, output: end, order };
}

function choose(who: string, outputs: readonly Ref[], output: string | number | undefined): Ref {
  if (output === undefined && outputs.length === 1) return outputs[0]!;
  const found =
    typeof output === 'number' ? outputs[output] : outputs.find(({ layer }) => layer === output);
  if (found) return found;
  const names = outputs.slice(0, 8).map(({ layer }) => named(layer));
  throw new RangeError(
    `${who}: output expected one of the model's ${outputs.length} outputs (${names.join(', ')}), got ` +
      (output === undefined
        ? "none: name one, { output: 'NAME' }, or give its index"
        : named(String(output))),
  );
}

function inputLayer(who: string, { layers }: KerasModel, { layer: name }: Ref): KerasLayer {
  const layer = layers.get(name);
  if (layer?.className === 'InputLayer') return layer;
  throw fault(`${who}: input_layers`, 'the name of an InputLayer', name);
}

/**
 * Makes the nodes of a model that is called with `given`, and returns a function that finds the node of a
 * reference. The calls run when all that they read is there, whatever order the file has them in.
 */
function expand(
  who: string,
  model: KerasModel,
  prefix: string,
  given: readonly Node[],
  make: (layer: KerasLayer, prefix: string, inputs: readonly Node[]) => Node,
): (ref: Ref) => Node {
  const results = new Map<string, readonly Node[]>();
  const find = (ref: Ref): Node => {
    const found = results.get(keyOf(ref))?.[ref.tensor];
    if (found) return found;
    const what = `${named(ref.layer)}, call ${ref.call}, tensor ${ref.tensor}`;
    throw new RangeError(
      `${who}: model expected layers that read what others before them give, got none that gives ${what}`,
    );
  };
  const waiting = new Map<string, (() => void)[]>();
  const ready: (() => void)[] = [];
  const finish = (key: string, nodes: readonly Node[]): void => {
    results.set(key, nodes);
    for (const done of waiting.get(key) ?? []) done();
    waiting.delete(key);
  };
  for (const layer of model.layers.values()) {
    if (layer.className === 'InputLayer') continue;
    for (const [call, refs] of layer.calls.entries()) {
      const run = (): void => {
        const inputs = refs.map(find);
        const node = make(layer, prefix, inputs);
        if (!layer.model) {
          finish(keyOf({ layer: layer.name, call }), [node]);
          return;
        }
        const { inputs: expected, outputs } = layer.model;
        if (expected.length !== inputs.length) {
          throw fault(layer.fields.place, `${expected.length} inputs`, inputs.length);
        }
        const within = expand(who, layer.model, `${prefix}${layer.name}.`, inputs, make);
        finish(keyOf({ layer: layer.name, call }), outputs.map(within));
      };
      const needs = new Set(refs.map(keyOf));
      let open = needs.size;
      for (const key of needs) {
        const done = (): void => {
          if (--open === 0) ready.push(run);
        };
        const others = waiting.get(key);
        if (others) others.push(done);
        else waiting.set(key, [done]);
      }
      if (open === 0) throw fault(layer.fields.place, 'an input', 'none');
    }
  }
  for (const [i, ref] of model.inputs.entries())
    finish(keyOf({ layer: ref.layer, call: 0 }), [given[i]!]);
  for (let i = 0; i < ready.length; i++) ready[i]!();
  return find;
}

function keyOf({ layer, call }: Pick<Ref, 'layer' | 'call'>): string {
  return `${call}/${layer}`;
}

/** Names that a GraphModule takes, each given once. */
export class FreeNames {
  private readonly taken = new Map<string, number>();

  take(wanted: string): string {
    const base = wanted.replaceAll('#', '_');
    let name = base;
    for (let n = this.taken.get(base) ?? 0; this.taken.has(name); name = `${base}_${n}`) {
      this.taken.set(base, ++n);
    }
    this.taken.set(name, this.taken.get(name) ?? 0);
    return name;
  }
}
