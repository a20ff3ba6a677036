import { Embedding } from 'evenkeel';
import { close, equal, ofGoldens } from '../checks/check.ts';

export default ofGoldens('embedding', (golden) => {
  const { rows, width, padding } = golden;
  const layer = new Embedding(rows, width, { paddingIdx: padding ?? undefined });
  layer.loadStateDict({ weight: golden.weight });
  const y = layer.forward(golden.x);
  equal(y.shape, golden.y.shape, 'shape');
  close(y.toArray(), golden.y.data, {}, 'y');
  close(layer.predict(golden.x).toArray(), golden.y.data, {}, 'y of predict');
  layer.backward(golden.dy);
  // A row's gradients add up in the order of their places, as PyTorch's do.
  close(layer.weight.grad!.toArray(), golden.dWeight.data, { rtol: 1e-6 }, 'dWeight');
  layer.dispose();
  return layer;
});
