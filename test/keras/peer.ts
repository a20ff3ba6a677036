/** The real TensorFlow.js, which builds, saves, loads and runs the models that ours are compared with. */
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import * as keras from '@tensorflow/tfjs-layers';
import { expect } from 'vitest';
import { type GraphModule, Tensor } from '../../src/index.ts';
import { type FromLayersModelOptions, fromLayersModel } from '../../src/keras/index.ts';
import { TestRandom } from '../support/random.ts';

export { keras, tf };

export interface Files {
  modelJson: { modelTopology: object; weightsManifest: tf.io.WeightsManifestConfig };
  weights: ArrayBuffer;
}

/** Weights at random: variances and scales near 1, and everything else near 0. */
export function randomize(model: keras.LayersModel, seed = 1): keras.LayersModel {
  const random = new TestRandom(seed);
  const values = model.weights.map(({ name, shape }) => {
    const size = shape.reduce<number>((product, extent) => product * extent!, 1);
    const fanIn = Math.max(1, size / (shape.at(-1) ?? 1));
    const near1 = /variance|gamma/.test(name);
    const data = near1
      ? random.uniforms(size, 0.5, 1.5)
      : random.normals(size, 0, shape.length > 1 ? Math.sqrt(2 / fanIn) : 0.3);
    return tf.tensor(data, shape as number[]);
  });
  model.setWeights(values);
  return model;
}

/** The model as the real one saves it. */
export async function saved(model: keras.LayersModel): Promise<Files> {
  let files: Files | undefined;
  await model.save(
    tf.io.withSaveHandler(async ({ modelTopology, weightSpecs, weightData, ...rest }) => {
      const weights = tf.io.concatenateArrayBuffers([weightData as ArrayBuffer].flat());
      const weightsManifest = [{ paths: ['weights.bin'], weights: weightSpecs! }];
      files = {
        modelJson: { ...rest, modelTopology: modelTopology as object, weightsManifest },
        weights,
      };
      return { modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: 'JSON' } };
    }),
  );
  return JSON.parse(JSON.stringify({ m: files!.modelJson })).m
    ? { modelJson: JSON.parse(JSON.stringify(files!.modelJson)), weights: files!.weights }
    : files!;
}

/** The model that the real one loads from files. */
export function loaded({ modelJson, weights }: Files): Promise<keras.LayersModel> {
  const { modelTopology, weightsManifest } = modelJson;
  const weightSpecs = weightsManifest.flatMap((group) => group.weights);
  return keras.loadLayersModel(
    tf.io.fromMemory({ modelTopology, weightSpecs, weightData: weights }),
  );
}

/** A batch of two for each input of the real model, in its own order of axes. */
export function inputsOf(model: keras.LayersModel, seed = 2): tf.Tensor[] {
  const random = new TestRandom(seed);
  return model.inputs.map(({ shape }) => {
    const own = [2, ...shape.slice(1).map((extent) => extent ?? 8)];
    return tf.tensor(random.normals(own.reduce((a, b) => a * b, 1)), own);
  });
}

/** The axes [N, …, C] as [N, C, …]. */
export function channelsFirst(x: tf.Tensor): tf.Tensor {
  const axes = x.shape.map((_, i) => i);
  return x.rank < 3 ? x : tf.transpose(x, [0, x.rank - 1, ...axes.slice(1, -1)]);
}

export function ours(x: tf.Tensor): Tensor {
  return Tensor.from(Float32Array.from(x.dataSync()), x.shape);
}

/** How far our result is from theirs, as a part of the largest of theirs. */
export function distance(own: Tensor, theirs: tf.Tensor): number {
  expect(own.shape).toEqual(theirs.shape);
  const expected = theirs.dataSync();
  let worst = 0;
  let largest = 1e-30;
  for (const [i, value] of own.toArray().entries()) {
    worst = Math.max(worst, Number.isNaN(value) ? Infinity : Math.abs(value - expected[i]!));
    largest = Math.max(largest, Math.abs(expected[i]!));
  }
  return worst / largest;
}

/**
 * Loads what the real one saved, and compares the predictions: within 1e-5 of the largest.
 *
 * @param moved whether ours takes images with channels in front: all inputs, by default those of rank 4
 */
export async function expectSame(
  model: keras.LayersModel,
  options: FromLayersModelOptions & { moved?: boolean; movedOut?: boolean } = {},
): Promise<GraphModule> {
  const { moved, movedOut, ...given } = options;
  randomize(model);
  const files = await saved(model);
  const own = fromLayersModel(files.modelJson, files.weights, given);
  const xs = inputsOf(model);
  const theirs = model.predict(xs) as tf.Tensor;
  const put = (x: tf.Tensor, asked: boolean | undefined): tf.Tensor =>
    (asked ?? (x.rank === 4 && options.layout !== 'NHWC')) ? channelsFirst(x) : x;
  const y = own.predict(xs.map((x) => ours(put(x, moved))));
  expect(distance(y, put(theirs, movedOut ?? moved))).toBeLessThan(1e-5);
  return own;
}
