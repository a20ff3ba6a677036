import { PixelShuffle } from 'evenkeel';
import { ofGoldens } from '../checks/check.ts';
import { compareLayer } from '../checks/layer.ts';

export default ofGoldens('pixelshuffle', (golden) =>
  compareLayer(new PixelShuffle(golden.r), golden, {}),
);
