/** Layers of several inputs. */
import type { Call, Dim, Value } from '../builder.ts';
import { fault } from '../fields.ts';
import { axisOf } from './activation.ts';

/** The inputs with their axes in one order: channels in front if one of them has them there. */
function alike(call: Call): readonly Value[] {
  const [first, ...others] = call.inputs;
  if (!first || others.length === 0)
    throw fault(call.place, 'two inputs or more', call.inputs.length);
  for (const { shape } of others) {
    if (shape.length === first.shape.length) continue;
    const got = call.inputs.map(({ shape }) => shape.length + 1).join(' and ');
    throw fault(`${call.place}: inputs`, 'of as many axes each', got);
  }
  const order = call.inputs.some(({ order }) => order === 'moved') ? 'moved' : 'keras';
  return call.inputs.map((value) => call.reorder(value, order));
}

function text(shape: readonly Dim[]): string {
  return `[${shape.map((dim) => dim ?? 'null').join(', ')}]`;
}

/** Add and Multiply. Ours adds tensors of one shape; factors are broadcast. */
export function readMerge(call: Call): Value {
  const values = alike(call);
  const kind = call.node.layer.className as 'Add' | 'Multiply';
  const [first] = values as [Value];
  const fits = (a: Dim, b: Dim): boolean =>
    a === b || a === null || b === null || (kind === 'Multiply' && (a === 1 || b === 1));
  for (const { shape } of values) {
    if (shape.every((dim, i) => fits(dim, first.shape[i]!))) continue;
    throw fault(`${call.place}: inputs`, `of one shape, ${text(first.shape)}`, text(shape));
  }
  const shape = first.shape.map((_, i) =>
    values.map(({ shape }) => shape[i]!).reduce((a, b) => (a === 1 || a === null ? (b ?? a) : a)),
  );
  return { name: call.step('', kind, [], values), shape, order: first.order };
}

export function readConcatenate(call: Call): Value {
  const values = alike(call);
  const [first] = values as [Value];
  const rank = first.shape.length;
  const [axis = -1, ...more] = call.fields.integers('axis', -1);
  const at = axis < 0 ? axis + rank + 1 : axis;
  if (more.length > 0 || at < 1 || at > rank) {
    throw call.fields.fault('axis', `an axis from 1 to ${rank}`, axis);
  }
  for (const { shape } of values) {
    const fits = shape.every(
      (dim, i) => i === at - 1 || dim === first.shape[i] || dim === null || first.shape[i] === null,
    );
    if (!fits) throw fault(`${call.place}: inputs`, `like ${text(first.shape)}`, text(shape));
  }
  const lengths = values.map(({ shape }) => shape[at - 1]!);
  const total = lengths.reduce<Dim>(
    (sum, dim) => (sum === null || dim === null ? null : sum + dim),
    0,
  );
  const shape = first.shape.map((dim, i) => (i === at - 1 ? total : dim));
  const name = call.step('', 'Concat', [axisOf(first, at)], values);
  return { name, shape, order: first.order, features: joined(call, values, lengths) };
}

/** The order of features behind one another. */
function joined(
  call: Call,
  values: readonly Value[],
  lengths: readonly Dim[],
): (() => Uint32Array) | undefined {
  if (values.every(({ features }) => !features)) return undefined;
  const known = lengths.map((length) => call.known(length, 'number of features'));
  return () => {
    const all = new Uint32Array(known.reduce((sum, length) => sum + length, 0));
    let start = 0;
    for (const [i, length] of known.entries()) {
      const features = values[i]!.features?.();
      for (let k = 0; k < length; k++) all[start + k] = start + (features ? features[k]! : k);
      start += length;
    }
    return all;
  };
}
