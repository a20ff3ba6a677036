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

/** Blocks of one width: how often x is widened inside, the output's channels, how many, first stride. */
export type Stage = readonly [expansion: number, width: number, blocks: number, stride: number];

export interface MobileNetOptions {
  /** Channels of the images. Default 3. */
  channels?: number;
  classes?: number;
  /** Width and stride of the first convolution. Default 32, 2. */
  stem?: readonly [width: number, stride: number];
  stages?: readonly Stage[];
  /** Width of the last convolution. Default 1280. */
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

/** For images of 28 × 28: subsampled twice, narrow. */
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
 * torchvision's MobileNetV2 by default: its state dict's keys, shapes and results; smaller ones by
 * options. Almost all arithmetic stands in 1 × 1 convolutions; the 3 × 3 ones are depthwise, each
 * channel by itself.
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
 * 1 × 1 to more channels, 3 × 3 depthwise, 1 × 1 to few again without an activation; x is added where
 * shapes allow.
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

/** A convolution that keeps the size but for its stride, its batch norm and its activation. */
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
