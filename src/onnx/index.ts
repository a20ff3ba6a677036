/** evenkeel/onnx: networks as ONNX files. Needs the package `@bufbuild/protobuf`. */
export { type FromONNXOptions, fromONNX } from './fromonnx.ts';
export { type ToONNXOptions, toONNX } from './toonnx.ts';
