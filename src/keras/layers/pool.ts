/** Pooling and upsampling. */
import type { Call, Dim, Value } from '../builder.ts';
import { axesOf, imagesOf, paddingOf } from './images.ts';

/**
 * MaxPooling and AveragePooling; an average does not count padding. Ours pads both sides alike. What 'same'
 * padding has beyond that is at the end: windows that may extend beyond it (`ceilMode`), or, with a stride of
 * 1, one more position on both sides, of whose outputs the first is dropped.
 */
export function readPool(call: Call): Value {
  const { fields } = call;
  const { className } = call.node.layer;
  const axes = axesOf(className);
  const images = imagesOf(call, axes);
  const kernel = fields.sizes('pool_size', axes, 2);
  const stride = fields.sizes('strides', axes, kernel);
  const padding = fields.choice('padding', ['valid', 'same']);
  const sides = images.size.map((length, i) =>
    paddingOf(call, padding, length, { kernel: kernel[i]!, stride: stride[i]!, dilation: 1 }),
  );
  const drops = sides.map(({ before, after }, i) => (after > before && stride[i] === 1 ? 1 : 0));
  const ceilMode = sides.some(({ before, after }, i) => after > before && stride[i]! > 1);
  if (axes === 1 && drops[0]) {
    throw fields.fault('pool_size', "an odd size with padding 'same' and stride 1", kernel[0]);
  }
  const max = className.startsWith('Max');
  const list = (values: readonly number[]) => (axes === 1 ? values[0] : values);
  const args = [
    list(kernel),
    {
      stride: list(stride),
      padding: list(sides.map(({ before }, i) => before + drops[i]!)),
      ceilMode,
      ...(max ? {} : { countIncludePad: false }),
    },
  ];
  const name = call.step('', `${max ? 'Max' : 'Avg'}Pool${axes}d`, args, [images.value]);
  const output = images.output(
    name,
    sides.map(({ out }) => out),
  );
  if (!drops.includes(1)) return output;
  const crop = [-drops[1]! + 0, 0, -drops[0]! + 0, 0];
  return { ...output, name: call.step('crop', 'ZeroPad2d', [crop], [output]) };
}

/** GlobalAveragePooling and GlobalMaxPooling: [N, C], or with keepdims the axes stay with length 1. */
export function readGlobalPool(call: Call): Value {
  const { className } = call.node.layer;
  const axes = axesOf(className);
  const { value, channels, output } = imagesOf(call, axes);
  const keeps = call.fields.boolean('keepdims', false);
  const average = className.startsWith('GlobalAverage');
  const ones: Dim[] = new Array(axes).fill(1);
  const flat = (name: string): Value => ({ name, shape: [channels], order: 'keras' });
  if (average && !keeps) return flat(call.step('', 'GlobalAvgPool', [], [value]));
  const kind = `Adaptive${average ? 'Avg' : 'Max'}Pool${axes}d` as const;
  const pooled = output(call.step('', kind, [1], [value]), ones);
  return keeps ? pooled : flat(call.step('flat', 'Flatten', [], [pooled]));
}

export function readUpSampling(call: Call): Value {
  const { fields } = call;
  const axes = axesOf(call.node.layer.className);
  const images = imagesOf(call, axes);
  const factor = fields.sizes('size', axes, 2);
  const mode = axes === 1 ? 'nearest' : fields.choice('interpolation', ['nearest', 'bilinear']);
  if (mode === 'bilinear' && call.fromTensorFlowJs) {
    throw fields.fault(
      'interpolation',
      "'nearest' in a model that TensorFlow.js wrote, which counts positions from corners as Keras does not",
      mode,
    );
  }
  const name = call.step('', 'Upsample', [{ scaleFactor: factor, mode }], [images.value]);
  const size = images.size.map((length, i) => (length === null ? null : length * factor[i]!));
  return images.output(name, size);
}
