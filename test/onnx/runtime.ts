/** ONNX Runtime, as the tests run files in it. */
import * as ort from 'onnxruntime-web';
import { Tensor } from '../../src/index.ts';
import { INT64 } from '../../src/onnx/tensors.ts';
import { decode } from '../../src/onnx/wire.ts';

ort.env.wasm.numThreads = 1;
ort.env.logLevel = 'fatal';

/** Runs an ONNX file in ONNX Runtime and returns its first output. */
export async function runOnnx(bytes: Uint8Array, inputs: readonly Tensor[]): Promise<Tensor> {
  const session = await ort.InferenceSession.create(bytes, { graphOptimizationLevel: 'all' });
  try {
    const declared = decode('Model', bytes).graph!.input;
    const feeds = session.inputNames.map((name, i) => {
      const shape = inputs[i]!.shape as number[];
      const values = inputs[i]!.toArray();
      const type = declared.find((each) => each.name === name)!.type?.tensorType?.elemType;
      if (type !== INT64) return [name, new ort.Tensor('float32', values, shape)];
      return [name, new ort.Tensor('int64', BigInt64Array.from(values as never, BigInt), shape)];
    });
    const results = await session.run(Object.fromEntries(feeds));
    const y = results[session.outputNames[0]!]!;
    return Tensor.from(y.data as Float32Array, y.dims as number[]);
  } finally {
    await session.release();
  }
}
