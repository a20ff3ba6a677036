import {
  Add,
  BatchNorm2d,
  Conv2d,
  Dropout,
  Embedding,
  Flatten,
  GELU,
  GRU,
  GroupNorm,
  LayerNorm,
  Linear,
  MaxPool2d,
  Module,
  PixelShuffle,
  PReLU,
  Residual,
  Sequential,
  SiLU,
  Unflatten,
  Upsample,
} from '../../../src/index.ts';
import { fromONNX, toONNX } from '../../../src/onnx/index.ts';
import type { FileReader } from './reader.ts';

const images = new Sequential(
  new Conv2d(2, 4, 3, { padding: [1, 0, 1, 2], bias: false }),
  new BatchNorm2d(4),
  new PReLU(4),
  new MaxPool2d(2),
  new Residual(new Sequential(new GroupNorm(2, 4), new SiLU())),
  new Upsample({ scaleFactor: 2 }),
  new Flatten(),
  new Linear(64, 3),
);
const rows = new Sequential(new Linear(6, 4), new LayerNorm(4), new GELU(), new Dropout(0.1));
const words = new Sequential(
  new Embedding(5, 3),
  new GRU(3, 2, { batchFirst: true, bidirectional: true, returns: 'last' }),
  new Unflatten(1, [4, 1, 1]),
  new PixelShuffle(2),
);

export const onnx: FileReader = {
  name: 'fromONNX',
  seeds: () => [
    toONNX(images, { inputShape: [1, 2, 5, 4] }),
    toONNX(rows, { inputShape: [2, 3, 6] }),
    toONNX(words, { inputShape: [2, 4] }),
    toONNX(new Add(), {
      inputShape: [
        [1, 2],
        [1, 2],
      ],
      dynamicBatch: false,
    }),
  ],
  read: (bytes) => fromONNX(bytes),
  // What is read is a model: it has parameters, and no more numbers than bytes.
  check: (model: Module, bytes) => {
    if (!(model instanceof Module)) throw new Error(`expected a model, got ${model}`);
    const size = model.parameters().reduce((sum, parameter) => sum + parameter.size, 0);
    if (size > bytes.length) throw new Error(`${size} parameters from ${bytes.length} bytes`);
  },
  // A weight is read, turned round, and placed in linear memory; a node is an object.
  bytesPerByte: 64,
};
