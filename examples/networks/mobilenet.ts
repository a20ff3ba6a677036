/** MobileNetV2 (Sandler et al., "Inverted Residuals and Linear Bottlenecks", 2018, arXiv:1801.04381). */
import {
  AdaptiveAvgPool2d,
  Add,
  BatchNorm2d,
  Conv2d,
  Dropout,
  Flatten,
  type Input,
  Linear,
  Module,
  ReLU6,
  Sequential,
  type Tensor,
} from 'evenkeel';

/**
 * A stage of blocks: the factor by which channels are expanded inside a block, the number of output channels,
 * the number of blocks, and the stride of the first block.
 */
export type Stage = readonly [expansion: number, width: number, blocks: number, stride: number];

export interface MobileNetOptions {
  /** Channels of the images. Default 3. */
  channels?: number;
  /** Default 1000. */
  classes?: number;
  /** Output channels and stride of the first convolution. Default [32, 2]. */
  stem?: readonly [width: number, stride: number];
  /** Default: those of the paper. */
  stages?: readonly Stage[];
  /** Output channels of the last convolution. Default 1280. */
  last?: number;
}

/** The paper's table 2. */
const STAGES: readonly Stage[] = [
  [1, 16, 1, 1],
  [6, 24, 2, 2],
  [6, 32, 3, 2],
  [6, 64, 4, 2],
  [6, 96, 3, 1],
  [6, 160, 3, 2],
  [6, 320, 1, 1],
];

/** A small network for images of 28 × 28 pixels, with only two strided stages. */
export const SMALL: MobileNetOptions = {
  channels: 1,
  classes: 10,
  stem: [16, 1],
  stages: [
    [1, 16, 1, 1],
    [4, 24, 2, 2],
    [4, 32, 2, 2],
  ],
  last: 128,
};

/**
 * MobileNetV2. By default it has the state-dict keys, shapes and results of torchvision's; the options make
 * smaller networks. Almost all arithmetic is in 1 × 1 convolutions, because the 3 × 3 convolutions are
 * depthwise.
 */
export class MobileNetV2 extends Module {
  features: Sequential;
  avgpool = new AdaptiveAvgPool2d(1);
  flatten = new Flatten();
  classifier: Sequential;

  constructor({
    channels = 3,
    classes = 1000,
    stem = [32, 2],
    stages = STAGES,
    last = 1280,
  }: MobileNetOptions = {}) {
    super();
    let [inputs] = stem;
    const blocks = stages.flatMap(([expansion, width, count, first]) =>
      Array.from({ length: count }, (_, i) => {
        const block = new InvertedResidual(inputs, width, i === 0 ? first : 1, expansion);
        inputs = width;
        return block;
      }),
    );
    this.features = new Sequential(
      convolution(channels, stem[0], 3, { stride: stem[1] }),
      ...blocks,
      convolution(inputs, last, 1),
    );
    this.classifier = new Sequential(new Dropout(0.2), new Linear(last, classes));
  }

  override forward(x: Input): Tensor {
    const y = this.flatten.forward(this.avgpool.forward(this.features.forward(x)));
    return this.classifier.forward(y);
  }
}

/**
 * A 1 × 1 convolution to more channels, a 3 × 3 depthwise convolution, and a 1 × 1 convolution to few
 * channels without an activation. x is added if it has the shape of the result.
 */
class InvertedResidual extends Module {
  conv: Sequential;
  add: Add | undefined;

  constructor(inputs: number, width: number, stride: number, expansion: number) {
    super();
    const hidden = inputs * expansion;
    this.conv = new Sequential(
      ...(expansion > 1 ? [convolution(inputs, hidden, 1)] : []),
      convolution(hidden, hidden, 3, { stride, groups: hidden }),
      new Conv2d(hidden, width, 1, { bias: false, init: 'he' }),
      new BatchNorm2d(width),
    );
    this.add = stride === 1 && inputs === width ? new Add() : undefined;
  }

  override forward(x: Input): Tensor {
    const y = this.conv.forward(x);
    return this.add?.forward([x, y]) ?? y;
  }
}

/** A convolution, batch norm and ReLU6. The image keeps its size if the stride is 1. */
function convolution(
  inputs: number,
  width: number,
  kernel: number,
  { stride = 1, groups = 1 } = {},
): Sequential {
  const padding = (kernel - 1) / 2;
  return new Sequential(
    new Conv2d(inputs, width, kernel, { stride, padding, groups, bias: false, init: 'he' }),
    new BatchNorm2d(width),
    new ReLU6(),
  );
}
