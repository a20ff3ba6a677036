/** Networks of the real TensorFlow.js, read by ours and back. */
import { describe, expect, it } from 'vitest';
import { Adam, MSELoss } from '../../src/index.ts';
import { fromLayersModel, toLayersModel } from '../../src/keras/index.ts';
import * as networks from './networks.ts';
import {
  channelsFirst,
  distance,
  expectSame,
  type Files,
  inputsOf,
  loaded,
  ours,
  saved,
  type tf,
} from './peer.ts';

describe.each(Object.entries(networks))('%s', (_name, make) => {
  it('predicts the same, and trains', async () => {
    const model = make();
    const own = await expectSame(model);
    const xs = inputsOf(model).map((x) => ours(x.rank === 4 ? channelsFirst(x) : x));
    const target = own
      .predict(xs)
      .toArray()
      .map((value, i) => value + (i % 3) - 1);
    const loss = new MSELoss();
    const optimizer = new Adam(own.parameters(), { lr: 1e-3 });
    const shape = own.predict(xs).shape;
    const losses: number[] = [];
    for (let step = 0; step < 20; step++) {
      losses.push(loss.forward(own.forward(xs), { data: target, shape }));
      optimizer.zeroGrad();
      own.backward(loss.backward());
      optimizer.step();
    }
    expect(losses.at(-1)).toBeLessThan(losses[0]!);
    expect(own.parameters().every((parameter) => parameter.grad !== undefined)).toBe(true);
  });

  it('predicts the same with Keras’s layout', async () => {
    await expectSame(make(), { layout: 'NHWC' });
  });

  it('is read back by the real one from what ours writes', async () => {
    const model = make();
    for (const layout of ['NCHW', 'NHWC'] as const) {
      const own = await expectSame(model, { layout });
      const back = await loaded(toLayersModel(own) as unknown as Files);
      const xs = inputsOf(model);
      const put = (x: tf.Tensor) => (layout === 'NCHW' && x.rank === 4 ? channelsFirst(x) : x);
      const y = own.predict(xs.map((x) => ours(put(x))));
      expect(distance(y, back.predict(xs) as tf.Tensor)).toBeLessThan(1e-5);
    }
  });

  it('is the same again from what ours writes', async () => {
    const { modelJson, weights } = await saved(make());
    const own = fromLayersModel(modelJson, weights);
    const files = toLayersModel(own);
    const again = fromLayersModel(JSON.stringify(files.modelJson), [files.weights]);
    const xs = inputsOf(await loaded({ modelJson, weights } as Files)).map((x) =>
      ours(x.rank === 4 ? channelsFirst(x) : x),
    );
    expect(again.predict(xs).toArray()).toEqual(own.predict(xs).toArray());
  });
});
