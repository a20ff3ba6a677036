import { AdaptiveAvgPool2d, AdaptiveMaxPool2d, AvgPool2d, MaxPool2d } from 'evenkeel';
import { ofGoldens } from '../checks/check.ts';
import { compareLayer } from '../checks/layer.ts';

export default ofGoldens('pool', ({ op, options, ...golden }) => {
  const given = {
    stride: options.stride,
    padding: options.padding,
    dilation: options.dilation,
    ceilMode: options.ceil_mode,
    countIncludePad: options.count_include_pad,
  };
  const adaptive = {
    adaptive_avg_pool2d: AdaptiveAvgPool2d,
    adaptive_max_pool2d: AdaptiveMaxPool2d,
  };
  const layer =
    op in adaptive
      ? new adaptive[op as keyof typeof adaptive](options.output_size)
      : new (op === 'max_pool2d' ? MaxPool2d : AvgPool2d)(options.kernel_size, given);
  return compareLayer(layer, golden, { rtol: 1e-6, scaled: 1e-6 });
});
