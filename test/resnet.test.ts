import { describe, expect, it } from 'vitest';
import { CrossEntropyLoss } from '../src/index.ts';
import { expectClose } from './support/close.ts';
import { readGoldens } from './support/goldens.ts';
import { hashed } from './support/hashed.ts';
import { ResNet } from './support/resnet.ts';
import { setWeights } from './support/training.ts';

describe('a ResNet-18 written with Module', () => {
  const [golden] = readGoldens('resnet');
  const { names, logits, loss: value, gradients, running, evaluated } = golden!;
  const shape = [4, 3, 40, 36];
  const inputs = { data: hashed(1000, 4 * 3 * 40 * 36).map((u) => u * 2 - 1), shape };

  it('has torchvision’s state-dict keys, in its order', () => {
    expect(Object.keys(new ResNet([4, 6, 8, 10], 5).stateDict())).toEqual(names);
  });

  it('gives PyTorch’s logits, loss, gradients, running statistics and evaluation', () => {
    const model = new ResNet([4, 6, 8, 10], 5);
    setWeights(model);
    const criterion = new CrossEntropyLoss();
    const y = model.forward(inputs);
    expectClose(y.toArray(), logits.data, { scaled: 1e-5 }, 'logits');
    expectClose([criterion.forward(y, [0, 3, 4, 1])], [value], { rtol: 1e-6 }, 'loss');
    model.backward(criterion.backward());
    for (const [name, parameter] of model.namedParameters()) {
      const expected = gradients[name].data;
      expectClose(parameter.grad!.toArray(), expected, { scaled: 1e-4 }, `gradient of ${name}`);
    }
    const state = model.stateDict();
    for (const name of Object.keys(running)) {
      expectClose(state[name]!.toArray(), running[name].data, { rtol: 1e-4, atol: 1e-6 }, name);
    }
    expectClose(model.predict(inputs).toArray(), evaluated.data, { scaled: 1e-5 }, 'evaluation');
  });
});
