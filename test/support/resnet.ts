/** torchvision's ResNet-18, written with Module as a user would. */
import {
  AdaptiveAvgPool2d,
  Add,
  BatchNorm2d,
  Conv2d,
  Flatten,
  type Input,
  Linear,
  MaxPool2d,
  Module,
  ReLU,
  Sequential,
  type Tensor,
} from '../../src/index.ts';

class BasicBlock extends Module {
  conv1: Conv2d;
  bn1: BatchNorm2d;
  relu = new ReLU();
  conv2: Conv2d;
  bn2: BatchNorm2d;
  add = new Add();
  downsample: Sequential | undefined;

  constructor(inputs: number, width: number, stride: number) {
    super();
    this.conv1 = new Conv2d(inputs, width, 3, { stride, padding: 1, bias: false });
    this.bn1 = new BatchNorm2d(width);
    this.conv2 = new Conv2d(width, width, 3, { padding: 1, bias: false });
    this.bn2 = new BatchNorm2d(width);
    if (stride !== 1 || inputs !== width) {
      this.downsample = new Sequential(
        new Conv2d(inputs, width, 1, { stride, bias: false }),
        new BatchNorm2d(width),
      );
    }
  }

  override forward(x: Input): Tensor {
    let y = this.relu.forward(this.bn1.forward(this.conv1.forward(x)));
    y = this.bn2.forward(this.conv2.forward(y));
    return this.relu.forward(this.add.forward([y, this.downsample?.forward(x) ?? x]));
  }
}

export class ResNet extends Module {
  conv1: Conv2d;
  bn1: BatchNorm2d;
  relu = new ReLU();
  maxpool = new MaxPool2d(3, { stride: 2, padding: 1 });
  layer1: Sequential;
  layer2: Sequential;
  layer3: Sequential;
  layer4: Sequential;
  avgpool = new AdaptiveAvgPool2d(1);
  flatten = new Flatten();
  fc: Linear;

  constructor([a, b, c, d]: readonly [number, number, number, number], classes: number) {
    super();
    const stage = (inputs: number, width: number, stride: number) =>
      new Sequential(new BasicBlock(inputs, width, stride), new BasicBlock(width, width, 1));
    this.conv1 = new Conv2d(3, a, 7, { stride: 2, padding: 3, bias: false });
    this.bn1 = new BatchNorm2d(a);
    this.layer1 = stage(a, a, 1);
    this.layer2 = stage(a, b, 2);
    this.layer3 = stage(b, c, 2);
    this.layer4 = stage(c, d, 2);
    this.fc = new Linear(d, classes);
  }

  override forward(x: Input): Tensor {
    let y = this.maxpool.forward(this.relu.forward(this.bn1.forward(this.conv1.forward(x))));
    for (const stage of [this.layer1, this.layer2, this.layer3, this.layer4]) y = stage.forward(y);
    return this.fc.forward(this.flatten.forward(this.avgpool.forward(y)));
  }
}
