import { ReflectionPad2d } from 'evenkeel';
import { ofGoldens } from '../checks/check.ts';
import { compareLayer } from '../checks/layer.ts';

export default ofGoldens('reflectionpad', (golden) =>
  compareLayer(new ReflectionPad2d(golden.padding), golden, { scaled: 1e-6, atol: 1e-6 }),
);
