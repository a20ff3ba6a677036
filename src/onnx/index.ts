/** evenkeel/onnx: networks as ONNX files. Needs the package `@bufbuild/protobuf`. */
export { type ToONNXOptions, toONNX } from './toonnx.ts';
