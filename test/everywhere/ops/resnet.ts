/** A whole network: a narrow ResNet-18's training step. */
import { CrossEntropyLoss } from 'evenkeel';
import { ResNet18 } from '../../../examples/networks/resnet.ts';
import { hashed } from '../../support/hashed.ts';
import { setWeights } from '../../support/weights.ts';
import { close, equal, ofGoldens } from '../checks/check.ts';

export default ofGoldens(
  'resnet',
  ({ names, logits, gradients, running, evaluated, ...golden }) => {
    const shape = [4, 3, 40, 36];
    const inputs = { data: hashed(1000, 4 * 3 * 40 * 36).map((u) => u * 2 - 1), shape };
    const model = new ResNet18(5, [4, 6, 8, 10]);
    equal(Object.keys(model.stateDict()), names, 'keys');
    setWeights(model);
    const loss = new CrossEntropyLoss();
    const y = model.forward(inputs);
    close(y.toArray(), logits.data, { scaled: 1e-5 }, 'logits');
    close([loss.forward(y, [0, 3, 4, 1])], [golden.loss], { rtol: 1e-6 }, 'loss');
    model.backward(loss.backward());
    for (const [name, parameter] of model.namedParameters()) {
      const expected = gradients[name].data;
      close(parameter.grad!.toArray(), expected, { scaled: 1e-4 }, `gradient of ${name}`);
    }
    const state = model.stateDict();
    for (const name of Object.keys(running)) {
      close(state[name]!.toArray(), running[name].data, { rtol: 1e-4, atol: 1e-6 }, name);
    }
    close(model.predict(inputs).toArray(), evaluated.data, { scaled: 1e-5 }, 'evaluation');
    const children = [...model.namedModules()].map(([, layer]) => layer);
    model.dispose();
    loss.dispose();
    return children;
  },
);
