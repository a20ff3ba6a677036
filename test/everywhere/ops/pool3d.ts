import { AvgPool3d, MaxPool3d } from 'evenkeel';
import { ofGoldens } from '../checks/check.ts';
import { compareLayer } from '../checks/layer.ts';

export default ofGoldens('pool3d', ({ op, options, ...golden }) => {
  const given = {
    stride: options.stride,
    padding: options.padding,
    dilation: options.dilation,
    ceilMode: options.ceil_mode,
    countIncludePad: options.count_include_pad,
  };
  const layer = new (op === 'max_pool3d' ? MaxPool3d : AvgPool3d)(options.kernel_size, given);
  return compareLayer(layer, golden, { rtol: 1e-6, scaled: 1e-6 });
});
