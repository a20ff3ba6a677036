/** Layers that move numbers and compute none. */
import { featuresOf } from '../axes.ts';
import { type Call, type Dim, orderless, type Value } from '../builder.ts';
import { Fields, fault } from '../fields.ts';
import { imagesOf } from './images.ts';

/**
 * Flatten takes channels last. If ours has them in front, either the numbers or, where only Dense layers read
 * them, the rows of their kernels change places.
 *
 * @param onlyDense whether every way from here leads to a Dense layer, through layers to which features are alike
 */
export function readFlatten(call: Call, onlyDense: boolean): Value {
  const given = call.input();
  // Channels that Keras has in front are moved to the end first: which is what ours has moved to the front.
  const first =
    call.fields.choice('data_format', ['channels_last', 'channels_first']) === 'channels_first';
  const value: Value =
    first && given.shape.length > 1
      ? {
          ...call.reorder(given, 'keras'),
          order: 'moved',
          shape: [...given.shape.slice(1), given.shape[0]!],
        }
      : given;
  if (value.shape.length === 1) return value;
  const shape = value.shape.map((dim) => call.known(dim, 'size'));
  const size = call.knownSize(shape);
  const keeps = value.order === 'keras' || orderless(value);
  const source = keeps || onlyDense ? value : call.reorder(value, 'keras');
  const name = call.step('', 'Flatten', [], [source]);
  const features = keeps || !onlyDense ? undefined : () => featuresOf(shape);
  return { name, shape: [size], order: 'keras', features };
}

/** Reshape, in Keras's order of axes. */
export function readReshape(call: Call): Value {
  const given = call.input();
  const value = orderless(given) ? given : call.ordered('keras');
  // TensorFlow.js writes null for the length that follows from the others.
  const list = call.fields.get('target_shape');
  const entries: unknown[] = Array.isArray(list) ? list.map((length: unknown) => length ?? -1) : [];
  const target = new Fields(call.place, { target_shape: entries }).integers('target_shape', []);
  const size = call.knownSize(value.shape);
  const known = target.filter((length) => length !== -1);
  const rest = size / known.reduce((product, length) => product * length, 1);
  const good = target.length - known.length <= 1 && known.every((length) => length > 0);
  const fits = target.length === known.length ? rest === 1 : Number.isInteger(rest) && rest > 0;
  if (!good || !fits || target.length === 0) {
    throw call.fields.fault('target_shape', `lengths of ${size} together`, target.join(' × '));
  }
  const shape = target.map((length) => (length === -1 ? rest : length));
  const flat: Value =
    value.shape.length === 1
      ? value
      : {
          name: call.step(shape.length > 1 ? 'flat' : '', 'Flatten', [], [value]),
          shape: [size],
          order: 'keras',
        };
  if (shape.length === 1) return flat;
  return { name: call.step('', 'Unflatten', [1, shape], [flat]), shape, order: 'keras' };
}

/** Permute counts axes from 1, the first behind the batch. */
export function readPermute(call: Call): Value {
  const value = call.ordered('keras');
  const dims = call.fields.integers('dims', []);
  const rank = value.shape.length;
  if ([...dims].sort((a, b) => a - b).join() !== value.shape.map((_, i) => i + 1).join()) {
    throw call.fields.fault('dims', `each axis from 1 to ${rank} once`, dims);
  }
  const name = call.step('', 'Permute', [[0, ...dims]], [value]);
  return { name, shape: dims.map((dim) => value.shape[dim - 1]!), order: 'keras' };
}

/** ZeroPadding2D and Cropping2D: a number, [vertical, horizontal], or [[top, bottom], [left, right]]. */
export function readMargin(call: Call): Value {
  const images = imagesOf(call, 2);
  const crops = call.node.layer.className === 'Cropping2D';
  const field = crops ? 'cropping' : 'padding';
  const given = call.fields.get(field) ?? (crops ? 0 : 1);
  const axes: unknown[] = Array.isArray(given) ? given : [given, given];
  const sides = axes.flatMap((axis) => (Array.isArray(axis) ? axis : [axis, axis]));
  const good = (side: unknown): boolean =>
    Number.isInteger(side) && (side as number) >= 0 && (side as number) <= 65536;
  if (axes.length !== 2 || sides.length !== 4 || !sides.every(good)) {
    throw fault(`${call.place}: ${field}`, 'whole numbers [[top, bottom], [left, right]]', given);
  }
  const [top, bottom, left, right] = sides.map((side) => (crops ? 0 - side : side)) as number[];
  const name = call.step('', 'ZeroPad2d', [[left, right, top, bottom]], [images.value]);
  const more = [top! + bottom!, left! + right!];
  const size = images.size.map((length, i): Dim => (length === null ? null : length + more[i]!));
  for (const [i, length] of size.entries()) {
    if (length === null || length > 0) continue;
    throw fault(`${call.place}: ${field}`, `less than the input's ${images.size[i]}`, -more[i]!);
  }
  return images.output(name, size);
}

export function readDropout(call: Call): Value {
  const { fields } = call;
  if (fields.has('noise_shape'))
    throw fields.fault('noise_shape', 'none', fields.get('noise_shape'));
  const channels = call.node.layer.className === 'SpatialDropout2D';
  const value = channels ? imagesOf(call, 2).value : call.input();
  const rate = fields.number('rate', 0.5);
  return { ...value, name: call.step('', channels ? 'Dropout2d' : 'Dropout', [rate], [value]) };
}

export function readRescaling(call: Call): Value {
  const { fields } = call;
  const value = call.input();
  const args = [fields.number('scale', 1), fields.number('offset', 0)];
  return { ...value, name: call.step('', 'Rescaling', args, [value]) };
}
