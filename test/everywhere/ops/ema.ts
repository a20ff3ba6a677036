import { AveragedModel, ExponentialMovingAverage, Linear } from 'evenkeel';
import { type Check, close, equal, ofGoldens } from '../checks/check.ts';

/** 25 steps of w − 0.1·g, with the first columns and entries of the gradients that the file's first entry gives. */
const moving: Check[] = ofGoldens(
  'optim',
  (golden, [given]) => {
    const model = new Linear(5, 3);
    const [weight, bias] = model.parameters();
    weight!.assign(golden.first[0]);
    bias!.assign(golden.first[1]);
    const average = new ExponentialMovingAverage(model, { decay: 0.9 });
    for (let step = 0; step < 25; step++) {
      const [g0, g1] = given!.grads[step];
      const [w, b] = [weight!.data.toArray(), bias!.data.toArray()];
      for (let i = 0; i < 15; i++) w[i]! -= 0.1 * g1.data[Math.floor(i / 5) * 7 + (i % 5)];
      for (let i = 0; i < 3; i++) b[i]! -= 0.1 * g0.data[i];
      weight!.assign({ data: w, shape: [3, 5] });
      bias!.assign({ data: b, shape: [3] });
      average.update();
    }
    equal(average.updates, 25, 'updates');
    close(weight!.data.toArray(), golden.weights[0].data, { scaled: 1e-6 }, 'w');
    average.during(() => {
      close(weight!.data.toArray(), golden.averages[0].data, { scaled: 1e-6 }, 'mean w');
      close(bias!.data.toArray(), golden.averages[1].data, { scaled: 1e-6 }, 'mean b');
    });
    close(bias!.data.toArray(), golden.weights[1].data, { scaled: 1e-6 }, 'b');
    average.dispose();
    model.dispose();
    return average;
  },
  ({ name }) => name === 'ema',
);

/** The equal-weight average of 25 weights: the first columns and entries of the gradients. */
const equalWeights: Check[] = ofGoldens(
  'optim',
  (golden, [given]) => {
    const model = new Linear(5, 3);
    const [weight, bias] = model.parameters();
    let average = new AveragedModel(model);
    for (let step = 0; step < 25; step++) {
      const [g0, g1] = given!.grads[step];
      const w = Float32Array.from(
        { length: 15 },
        (_, i) => g1.data[Math.floor(i / 5) * 7 + (i % 5)],
      );
      weight!.assign({ data: w, shape: [3, 5] });
      bias!.assign({ data: g0.data.slice(0, 3), shape: [3] });
      average.update();
      if (step !== 11) continue;
      // Another goes on from the state dict.
      const state = average.stateDict();
      average.dispose();
      average = new AveragedModel(model);
      average.loadStateDict(state);
    }
    equal(average.updates, golden.updates, 'updates');
    average.during(() => {
      close(weight!.data.toArray(), golden.averages[0].data, { scaled: 1e-6 }, 'mean w');
      close(bias!.data.toArray(), golden.averages[1].data, { scaled: 1e-6 }, 'mean b');
    });
    average.dispose();
    model.dispose();
    return average;
  },
  ({ name }) => name === 'swa',
);

export default [...moving, ...equalWeights];
