/**
 * Reads the topology of a layers model: Sequential or functional, with models inside of models, as
 * TensorFlow.js, Keras 2 and Keras 3 write it. All become lists of layers with their calls.
 */
import { Fields, fault, named, own } from './fields.ts';

/** A tensor in a model: which output of which call of which layer. */
export interface Ref {
  readonly layer: string;
  readonly call: number;
  readonly tensor: number;
}

export interface KerasLayer {
  readonly name: string;
  readonly className: string;
  readonly fields: Fields;
  /** What each call reads. An input layer has none. */
  readonly calls: readonly (readonly Ref[])[];
  /** The layers inside, if this is a model. */
  readonly model?: KerasModel;
}

export interface KerasModel {
  readonly layers: ReadonlyMap<string, KerasLayer>;
  readonly inputs: readonly Ref[];
  readonly outputs: readonly Ref[];
}

/** How many models may stand in each other. */
const DEPTH = 32;

const MODELS = ['Sequential', 'Functional', 'Model'];

/** @param entry `{ class_name, config }` of a model */
export function readModel(place: string, entry: unknown, depth = 0): KerasModel {
  if (depth > DEPTH) {
    throw new RangeError(
      `${place}: layers expected at most ${DEPTH} models in each other, got more`,
    );
  }
  const className = own(entry, 'class_name');
  const config = own(entry, 'config');
  if (className === 'Sequential') return readSequential(place, config, depth);
  if (MODELS.includes(className as string)) return readFunctional(place, config, depth);
  throw fault(`${place}: class_name`, `one of ${MODELS.join(', ')}`, className);
}

/** A Sequential as a functional model: each layer is called once, with what the one before it gives. */
function readSequential(place: string, config: unknown, depth: number): KerasModel {
  // Keras before 2.2.3 wrote the list of layers itself.
  const entries = listOf(place, Array.isArray(config) ? config : own(config, 'layers'), 'layers');
  const layers = new Map<string, KerasLayer>();
  const first = readLayer(place, entries[0], 0, depth);
  let last: Ref;
  if (first.className === 'InputLayer') {
    last = { layer: first.name, call: 0, tensor: 0 };
    layers.set(first.name, { ...first, calls: [] });
  } else {
    const shape = inputOf(first) ?? own(config, 'build_input_shape');
    const name = `${first.name}_input`;
    const fields = new Fields(first.fields.place, { batch_input_shape: shape });
    last = { layer: name, call: 0, tensor: 0 };
    layers.set(name, { name, className: 'InputLayer', fields, calls: [] });
  }
  const inputs = [last];
  for (const [i, entry] of entries.entries()) {
    const layer = i === 0 ? first : readLayer(place, entry, i, depth);
    if (i === 0 && first.className === 'InputLayer') continue;
    addLayer(place, layers, { ...layer, calls: [[last]] });
    last = { layer: layer.name, call: 0, tensor: 0 };
  }
  return { layers, inputs, outputs: [last] };
}

/** The shape of what a layer reads, if it says so: the first layer of a Sequential does. */
function inputOf({ fields, model }: KerasLayer): unknown {
  if (!model) return fields.get('batch_input_shape') ?? fields.get('batch_shape');
  const input = model.layers.get(model.inputs[0]?.layer ?? '');
  return input && inputOf(input);
}

function readFunctional(place: string, config: unknown, depth: number): KerasModel {
  const layers = new Map<string, KerasLayer>();
  const entries = listOf(place, own(config, 'layers'), 'layers');
  for (const [i, entry] of entries.entries()) {
    const layer = readLayer(place, entry, i, depth);
    const nodes = own(entry, 'inbound_nodes') ?? [];
    if (!Array.isArray(nodes)) throw fault(`${layer.fields.place}: inbound_nodes`, 'a list', nodes);
    const calls = nodes.map((node) => readCall(layer.fields.place, node));
    addLayer(place, layers, { ...layer, calls });
  }
  const ends = (name: string): Ref[] => {
    const refs = readRefs(`${place}: ${name}`, own(config, name));
    if (refs.length === 0) throw new RangeError(`${place}: ${name} expected a tensor, got none`);
    return refs;
  };
  const model = { layers, inputs: ends('input_layers'), outputs: ends('output_layers') };
  countFromZero(model);
  return model;
}

/**
 * Keras counts the making of a model as its first call, so that references to a model inside another begin
 * with 1. Here the calls of every layer count from 0.
 */
function countFromZero({ layers, outputs }: KerasModel): void {
  const refs = [...outputs, ...[...layers.values()].flatMap(({ calls }) => calls.flat())];
  const shifted = new Set(
    refs
      .filter(({ layer, call }) => {
        const of = layers.get(layer);
        return of?.model && call === of.calls.length;
      })
      .map(({ layer }) => layer),
  );
  for (const ref of refs as { layer: string; call: number }[]) {
    if (shifted.has(ref.layer)) ref.call -= 1;
  }
}

function readLayer(place: string, entry: unknown, index: number, depth: number): KerasLayer {
  const config = own(entry, 'config');
  const className = own(entry, 'class_name');
  const at = `${place}: layers[${index}]`;
  if (typeof className !== 'string') throw fault(`${at}: class_name`, 'a text', className);
  const name = own(config, 'name') ?? own(entry, 'name');
  if (typeof name !== 'string' || name === '') throw fault(`${at}: name`, 'a text', name);
  if (typeof config !== 'object' || config === null)
    throw fault(`${at}: config`, 'an object', config);
  const where = `${place}: layer ${named(name)} (${named(className)})`;
  const layer = { name, className, fields: new Fields(where, config), calls: [] };
  if (!MODELS.includes(className)) return layer;
  return { ...layer, model: readModel(`${place}: ${named(name)}`, entry, depth + 1) };
}

function addLayer(place: string, layers: Map<string, KerasLayer>, layer: KerasLayer): void {
  if (layers.has(layer.name)) {
    throw new RangeError(
      `${place}: layers expected each name once, got ${named(layer.name)} twice`,
    );
  }
  layers.set(layer.name, layer);
}

/**
 * What a call reads. Keras 2 writes a list of [layer, call, tensor, further arguments]; Keras 3
 * `{ args, kwargs }`, with tensors as objects that have a `keras_history`.
 */
function readCall(place: string, node: unknown): Ref[] {
  const what = `${place}: inbound_nodes`;
  if (Array.isArray(node)) return readRefs(what, node);
  const args = own(node, 'args');
  if (!Array.isArray(args)) throw fault(what, 'a list, or { args, kwargs }', node);
  const kwargs = own(node, 'kwargs');
  const tensors = args.flatMap((arg: unknown) => (Array.isArray(arg) ? arg : [arg]));
  for (const [name, value] of Object.entries(kwargs ?? {})) {
    // What remains by default, such as `training: false` and `mask: null`, has no effect on a prediction.
    if (own(value, 'class_name') === '__keras_tensor__') tensors.push(value);
    else if (!(name === 'mask' || name === 'training')) checkAbsent(what, name, value);
  }
  return tensors.map((tensor: unknown) => {
    const history = own(own(tensor, 'config'), 'keras_history');
    if (own(tensor, 'class_name') !== '__keras_tensor__') throw fault(what, 'tensors', tensor);
    return readRef(what, history);
  });
}

function checkAbsent(what: string, name: string, value: unknown): void {
  if (value === null || value === undefined || value === false) return;
  throw fault(`${what}: ${named(name)}`, 'no such argument', value);
}

/** A list of references, or a single one. */
function readRefs(what: string, value: unknown): Ref[] {
  if (!Array.isArray(value)) throw fault(what, 'a list', value);
  return typeof value[0] === 'string'
    ? [readRef(what, value)]
    : value.map((ref) => readRef(what, ref));
}

function readRef(what: string, value: unknown): Ref {
  const [layer, call, tensor, rest] = Array.isArray(value) ? value : [];
  const counts = (n: unknown): boolean => Number.isInteger(n) && (n as number) >= 0;
  if (typeof layer !== 'string' || !counts(call) || !counts(tensor)) {
    throw fault(what, '[layer, call, tensor]', value);
  }
  for (const [name, argument] of Object.entries(rest ?? {})) {
    if (!(name === 'mask' || name === 'training')) checkAbsent(what, name, argument);
  }
  return { layer, call, tensor };
}

function listOf(place: string, value: unknown, what: string): unknown[] {
  if (Array.isArray(value) && value.length > 0) return value;
  throw fault(`${place}: ${what}`, 'a list of layers', value);
}
