import {
  Add,
  BatchNorm2d,
  Conv2d,
  Dropout,
  Flatten,
  GELU,
  GroupNorm,
  LayerNorm,
  Linear,
  MaxPool2d,
  Module,
  PReLU,
  Residual,
  Sequential,
  SiLU,
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

export const onnx: FileReader = {
  name: 'fromONNX',
  seeds: () => [
    toONNX(images, { inputShape: [1, 2, 5, 4] }),
    toONNX(rows, { inputShape: [2, 3, 6] }),
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
