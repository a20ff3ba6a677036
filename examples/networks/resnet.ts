/** Residual networks (He et al., "Deep Residual Learning for Image Recognition", 2015, arXiv:1512.03385). */
import {
  AdaptiveAvgPool2d,
  Add,
  BatchNorm2d,
  Conv2d,
  Flatten,
  type Input,
  Layer,
  type LayerContext,
  Linear,
  MaxPool2d,
  Module,
  ReLU,
  Sequential,
  type Tensor,
} from 'evenkeel';

/** y = relu(bn2(conv2(relu(bn1(conv1(x))))) + shortcut(x)), with torchvision's names. */
class BasicBlock extends Module {
  conv1: Conv2d;
  bn1: BatchNorm2d;
  relu = new ReLU();
  conv2: Conv2d;
  bn2: BatchNorm2d;
  add = new Add();
  downsample: Module | undefined;

  constructor(inputs: number, width: number, stride: number, downsample?: Module | Layer) {
    super();
    this.conv1 = new Conv2d(inputs, width, 3, { stride, padding: 1, bias: false, init: 'he' });
    this.bn1 = new BatchNorm2d(width);
    this.conv2 = new Conv2d(width, width, 3, { padding: 1, bias: false, init: 'he' });
    this.bn2 = new BatchNorm2d(width);
    this.downsample = downsample;
  }

  override forward(x: Input): Tensor {
    let y = this.relu.forward(this.bn1.forward(this.conv1.forward(x)));
    y = this.bn2.forward(this.conv2.forward(y));
    return this.relu.forward(this.add.forward([y, this.downsample?.forward(x) ?? x]));
  }
}

/**
 * ResNet-18 with the state-dict keys, shapes and results of torchvision's.
 *
 * ```ts
 * const model = new ResNet18();
 * model.loadStateDict(loadSafetensors(bytes).tensors);
 * ```
 */
export class ResNet18 extends Module {
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

  constructor(classes = 1000, widths: readonly number[] = [64, 128, 256, 512]) {
    super();
    const [a, b, c, d] = widths as [number, number, number, number];
    const stage = (inputs: number, width: number, stride: number) => {
      const projection =
        inputs === width
          ? undefined
          : new Sequential(
              new Conv2d(inputs, width, 1, { stride, bias: false, init: 'he' }),
              new BatchNorm2d(width),
            );
      return new Sequential(
        new BasicBlock(inputs, width, stride, projection),
        new BasicBlock(width, width, 1),
      );
    };
    this.conv1 = new Conv2d(3, a, 7, { stride: 2, padding: 3, bias: false, init: 'he' });
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

/**
 * The paper's ResNet-20 for small images (section 4.2): three stages of three blocks with 16, 32 and 64
 * channels. The shortcut of the first block of stages 2 and 3 takes every second pixel and adds channels of
 * zeros (option A), so it has no parameters.
 */
export class ResNet20 extends Module {
  conv1: Conv2d;
  bn1 = new BatchNorm2d(16);
  relu = new ReLU();
  layer1 = stage(16, 16, 1);
  layer2 = stage(16, 32, 2);
  layer3 = stage(32, 64, 2);
  avgpool = new AdaptiveAvgPool2d(1);
  flatten = new Flatten();
  fc: Linear;

  constructor(channels = 1, classes = 10) {
    super();
    this.conv1 = new Conv2d(channels, 16, 3, { padding: 1, bias: false, init: 'he' });
    this.fc = new Linear(64, classes);
  }

  override forward(x: Input): Tensor {
    let y = this.relu.forward(this.bn1.forward(this.conv1.forward(x)));
    for (const layers of [this.layer1, this.layer2, this.layer3]) y = layers.forward(y);
    return this.fc.forward(this.flatten.forward(this.avgpool.forward(y)));
  }
}

function stage(inputs: number, width: number, stride: number): Sequential {
  return new Sequential(
    new BasicBlock(inputs, width, stride, stride > 1 ? new Subsample(width) : undefined),
    new BasicBlock(width, width, 1),
    new BasicBlock(width, width, 1),
  );
}

/** Takes every second pixel of every second row, and fills the additional channels with zeros. */
class Subsample extends Layer {
  constructor(readonly width: number) {
    super();
  }

  outputShape([n, , h, w]: readonly number[]): number[] {
    return [n!, this.width, Math.ceil(h! / 2), Math.ceil(w! / 2)];
  }

  compute(x: Float32Array, y: Float32Array, ctx: LayerContext): void {
    y.fill(0);
    eachPixel(ctx, (from, to) => {
      y[to] = x[from]!;
    });
  }

  differentiate(dy: Float32Array, dx: Float32Array | null, ctx: LayerContext): void {
    if (!dx) return;
    dx.fill(0);
    eachPixel(ctx, (to, from) => {
      dx[to] = dy[from]!;
    });
  }
}

/** Calls `pair` with the index in x and the index in y of each pixel that is kept. */
function eachPixel(
  { inputShape, outputShape }: LayerContext,
  pair: (x: number, y: number) => void,
): void {
  const [n, channels, h, w] = inputShape as [number, number, number, number];
  const [, width, outH, outW] = outputShape as [number, number, number, number];
  for (let i = 0; i < n; i++) {
    for (let c = 0; c < channels; c++) {
      for (let row = 0; row < outH; row++) {
        const x = ((i * channels + c) * h + 2 * row) * w;
        const y = ((i * width + c) * outH + row) * outW;
        for (let column = 0; column < outW; column++) pair(x + 2 * column, y + column);
      }
    }
  }
}
