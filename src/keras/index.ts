/** evenkeel/keras: models of Keras and TensorFlow.js, from their files and to them. This file only lists the public names. */
export { type FromLayersModelOptions, fromLayersModel } from './from.ts';
export { Rescaling } from './rescaling.ts';
export {
  type LayersModel,
  type LayersModelJson,
  type ToLayersModelOptions,
  toLayersModel,
} from './to.ts';
