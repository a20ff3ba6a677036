/** evenkeel: the public names, and nothing else. */
export { Add } from './layers/add.ts';
export { Concat } from './layers/concat.ts';
export { Conv1d, type Conv1dOptions, Conv2d, type Conv2dOptions } from './layers/conv.ts';
export { Layer, type LayerContext } from './layers/layer.ts';
export { Linear, type LinearOptions } from './layers/linear.ts';
export { type LoadResult, Module, type StateDict } from './layers/module.ts';
export { Residual } from './layers/residual.ts';
export { Sequential } from './layers/sequential.ts';
export { memoryUsage } from './memory/memory.ts';
export { accuracy, argmax } from './metrics.ts';
export { Parameter } from './parameter.ts';
export { summary } from './summary.ts';
export { type Input, type Nested, Tensor, type TensorData } from './tensor.ts';
