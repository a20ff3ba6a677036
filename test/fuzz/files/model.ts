import * as E from '../../../src/index.ts';
import {
  loadModel,
  loadSafetensors,
  saveModel,
  saveSafetensors,
} from '../../../src/state/index.ts';
import { type FileReader, stateText } from './reader.ts';

/** Every form that a description has: names, options, pairs, an object, shared layers, wrappers, frozen ones. */
function models(): E.Module[] {
  const shared = new E.Linear(4, 4);
  const graph = new E.GraphModule([
    { name: 'a', layer: shared, inputs: ['x'] },
    { name: 'a#2', layer: shared, inputs: ['a'] },
    { name: 'sum', layer: new E.Add(), inputs: ['a#2', 'x'] },
  ]);
  const named = new E.Sequential({
    conv: new E.Conv2d(2, 3, [2, 3], { padding: [1, 0, 2, 1], groups: 1 }),
    bn: new E.BatchNorm2d(3, { renorm: new E.Renorm({ rMax: 2 }), momentum: null }),
    drop: new E.Dropout(0.5, { generator: new E.Generator(3) }),
    rest: new E.Residual(new E.SpectralNorm(new E.Conv2d(3, 3, 1))),
  });
  named.at('bn').freeze({ statistics: true });
  return [graph, named, new E.Linear(2, 3)];
}

const KEY = 'evenkeel';
const bystander = new E.Linear(3, 2);

export const model: FileReader = {
  name: 'loadModel',
  seeds: () => models().map((each) => saveModel(each)),
  errors: /^(loadModel|loadSafetensors): /,
  read: (bytes) => {
    const { state } = E.defaultGenerator;
    using made = loadModel(bytes);
    if (E.defaultGenerator.state.counter !== state.counter) throw new Error('numbers were drawn');
    return made.namedModules().length;
  },
  untouched: () => stateText(bystander) + JSON.stringify(E.defaultGenerator.state),
  bytesPerByte: 64,
  // Half of the mutations change the description, which stands in the file as a text within a text.
  inside: {
    open: (file) => new TextEncoder().encode(loadSafetensors(file).metadata[KEY]!),
    close: (text, file) => {
      const { tensors } = loadSafetensors(file);
      return saveSafetensors(tensors, { [KEY]: new TextDecoder().decode(text) });
    },
  },
};
