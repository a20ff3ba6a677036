// Every entry of the package, with its types put to use.
import {
  Adam,
  BatchNorm1d,
  CrossEntropyLoss,
  fit,
  Linear,
  type Module,
  type Progress,
  ReLU,
  Sequential,
  type StateDict,
  type Tensor,
} from 'evenkeel';
import { batches } from 'evenkeel/data';
import { Block, kernels, memory } from 'evenkeel/kernels';
import { useRelaxed } from 'evenkeel/relaxed';
import { loadSafetensors, saveSafetensors } from 'evenkeel/state';
import { serve, type TrainingRun, train } from 'evenkeel/worker';

useRelaxed();
const bytes: number = memory().buffer.byteLength;
console.log(bytes, new Block(64).f32, kernels());
const model: Module = new Sequential(new Linear(2, 3), new BatchNorm1d(3), new ReLU());
const inputs = { data: new Float32Array(8), shape: [4, 2] };
const targets = [0, 1, 2, 0];
const loss = new CrossEntropyLoss({ labelSmoothing: 0.1 });
const optimizer = new Adam(model.parameters(), { lr: 1e-3 });

for (const batch of batches({ inputs, targets }, { batchSize: 2 })) {
  const classes: Int32Array = batch.targets;
  const value: number = loss.forward(model.forward(batch.inputs), classes);
  console.log(value.toFixed(3));
}
const progress = fit(model, { inputs, targets }, { loss, optimizer });
for await (const step of progress) console.log(step.loss.toFixed(3), step.validation?.accuracy);

const file: Uint8Array = saveSafetensors(model.stateDict());
const { tensors } = loadSafetensors(file);
const first: Tensor | undefined = Object.values(tensors)[0];
console.log(first?.shape);

serve((data: { epochs: number }, signal) => ({
  model,
  progress: fit(model, { inputs, targets }, { loss, optimizer, epochs: data.epochs, signal }),
}));

const channel = new MessageChannel();
const run: TrainingRun<Progress> = train(channel.port1, { epochs: 1 });
const state: StateDict = await run.stateDict;
console.log(Object.keys(state));

// @ts-expect-error the option is lr
new Adam(model.parameters(), { learningRate: 1 });
