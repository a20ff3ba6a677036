/** The example networks: torchvision's own answers, and PyTorch's step of a narrow one. */
import { describe, expect, it } from 'vitest';
import { MobileNetV2, SMALL } from '../../examples/networks/mobilenet.ts';
import { ResNet18, ResNet20 } from '../../examples/networks/resnet.ts';
import { StandardScaler } from '../../src/data/index.ts';
import { fold, lint, type Module, Normalization, Sequential, Tensor } from '../../src/index.ts';
import { expectClose } from '../support/close.ts';
import { readGoldens } from '../support/goldens.ts';
import { hashed } from '../support/hashed.ts';
import { TestRandom } from '../support/random.ts';

/** The state that test/goldens/vision.py gives a model. */
function fill(state: Record<string, number[]>): Record<string, Tensor> {
  return Object.fromEntries(
    Object.entries(state).map(([name, shape], seed) => {
      const size = shape.reduce((a, b) => a * b, 1);
      const u = hashed(seed, size);
      const fan = shape.length > 1 ? size / shape[0]! : 1;
      const value = (u: number): number => {
        if (name.endsWith('num_batches_tracked')) return 0;
        if (shape.length > 1) return (u * 2 - 1) * Math.sqrt(6 / fan);
        return name.endsWith('weight') || name.endsWith('running_var') ? u + 0.5 : (u - 0.5) * 0.2;
      };
      return [name, Tensor.from(u.map(value), shape)];
    }),
  );
}

describe('torchvision’s networks, written with Module', () => {
  const makers: Record<string, () => Module> = {
    resnet18: () => new ResNet18(),
    mobilenet_v2: () => new MobileNetV2(),
  };

  for (const { name, image, state, logits } of readGoldens('vision')) {
    it(`${name} has torchvision’s keys and shapes, and from its state its logits`, () => {
      using model = makers[name]!();
      const own = Object.entries(model.stateDict()).map(([key, { shape }]) => [key, shape]);
      expect(own).toEqual(Object.entries(state));
      model.loadStateDict(fill(state));
      const size = image.reduce((a: number, b: number) => a * b);
      const x = { data: hashed(1000, size).map((u) => u * 2 - 1), shape: image };
      expectClose(model.predict(x).toArray(), logits.data, { scaled: 1e-5 }, 'predict');
      expectClose(model.eval().forward(x).toArray(), logits.data, { scaled: 1e-5 }, 'forward');
    });
  }
});

describe('networks for 28 × 28', () => {
  const parameters = (model: Module) => model.parameters().reduce((sum, { size }) => sum + size, 0);

  it('have the sizes of their papers', () => {
    using small = new ResNet20();
    using coloured = new ResNet20(3);
    using mobile = new MobileNetV2(SMALL);
    using whole = new MobileNetV2();
    expect(parameters(small)).toBe(269_434);
    expect(parameters(coloured)).toBe(269_722); // "0.27M"
    expect(parameters(whole)).toBe(3_504_872);
    expect(parameters(mobile)).toBeLessThan(40_000);
    for (const model of [small, mobile]) {
      expect(model.forward(Tensor.zeros([2, 1, 28, 28])).shape).toEqual([2, 10]);
    }
  });

  it('ResNet-20’s shortcut keeps every second pixel, and takes its gradient there', () => {
    using model = new ResNet20();
    const { downsample } = model.layer2.at(0) as unknown as { downsample: Module };
    const x = { data: Float32Array.from({ length: 2 * 15 }, (_, i) => i), shape: [1, 2, 3, 5] };
    const y = downsample.forward(x);
    expect(y.shape).toEqual([1, 32, 2, 3]);
    expect([...y.toArray().slice(0, 14)]).toEqual([
      0, 2, 4, 10, 12, 14, 15, 17, 19, 25, 27, 29, 0, 0,
    ]);
    const dy = Float32Array.from({ length: y.size }, (_, i) => i + 1);
    const dx = [...downsample.backward({ data: dy, shape: y.shape }).toArray()];
    expect(dx.slice(0, 15)).toEqual([1, 0, 2, 0, 3, 0, 0, 0, 0, 0, 4, 0, 5, 0, 6]);
    expect(dx.slice(15)).toEqual([7, 0, 8, 0, 9, 0, 0, 0, 0, 0, 10, 0, 11, 0, 12]);
  });

  it('fold into convolutions alone, behind a Normalization too', () => {
    const random = new TestRandom(7);
    const x = { data: random.normals(8 * 784, 70, 30), shape: [8, 1, 28, 28] };
    for (const [body, norms] of [
      [new ResNet20(), 19],
      [new MobileNetV2(SMALL), 16],
    ] as const) {
      using model = new Sequential(new Normalization(new StandardScaler().fit(x)), body);
      for (let step = 0; step < 20; step++) model.forward(x); // statistics away from 0 and 1
      using network = fold(model);
      expect(network.folded).toHaveLength(norms);
      expect(network.kept).toEqual([]);
      expectClose(network.predict(x).toArray(), model.predict(x).toArray(), { scaled: 1e-5 });
      expect(lint(model, { batchSize: 32 })).toEqual([]);
    }
  });
});
