/** Architecture and weights in one safetensors file. */

import { makeModel } from '../describe/fromjson.ts';
import { describeModel } from '../describe/tojson.ts';
import type { Module } from '../module/module.ts';
import { brief } from '../tensor/check.ts';
import { optionsOf } from '../tensor/options.ts';
import type { Shape } from '../tensor/shape.ts';
import { parseJson } from './json.ts';
import { loadSafetensors, saveSafetensors } from './safetensors.ts';

/** The name of the description in the file's metadata. */
const KEY = 'evenkeel';

/** How deep a description's JSON may be: two or three levels for each layer within a layer. */
const JSON_DEPTH = 512;

export interface SaveModelOptions {
  /** As for `toJSON`. */
  shape?: Shape | readonly Shape[];
  /** Further names and texts to store in the file. */
  metadata?: Readonly<Record<string, string>>;
}

/**
 * Writes a model, its architecture and its weights, as one safetensors file.
 *
 * ```ts
 * await writeFile('model.safetensors', saveModel(model));
 * const model = loadModel(await readFile('model.safetensors'));
 * ```
 *
 * The tensors are those of `saveSafetensors(model.stateDict())`, so other tools read them as ever; the
 * metadata holds `toJSON(model)` as a text under the name `evenkeel`.
 *
 * @throws as `toJSON`
 */
export function saveModel(
  model: Module,
  ...rest: [options?: SaveModelOptions | undefined]
): Uint8Array<ArrayBuffer> {
  const { shape, metadata = {} } = optionsOf('saveModel', rest, {
    shape: undefined,
    metadata: undefined,
  });
  const [description, described] = describeModel('saveModel', model, [{ shape }]);
  return saveSafetensors(described.stateDict(), {
    ...metadata,
    [KEY]: JSON.stringify(description),
  });
}

/**
 * Reads a file that `saveModel` wrote: the model with its weights. The default generator is left as it was.
 *
 * The file may come from anywhere: its layers are checked before they take memory, and they take no more than
 * eight times the file's size.
 *
 * @param source an ArrayBuffer, a SharedArrayBuffer, or a view of one
 * @throws as `loadSafetensors` and `fromJSON`; RangeError for a file without a description, or whose
 *   description and tensors do not fit each other. Nothing that was made is kept.
 */
export function loadModel(source: ArrayBuffer | SharedArrayBuffer | ArrayBufferView): Module {
  const { tensors, metadata } = loadSafetensors(source);
  if (!Object.hasOwn(metadata, KEY)) {
    const names = brief(Object.keys(metadata).join(', ')) || 'none';
    throw new RangeError(
      `loadModel: expected a description of the model in the metadata (saveModel writes it), got ${names}: ` +
        'make the model yourself and give it loadSafetensors(file).tensors',
    );
  }
  const description = parseJson('loadModel: description', metadata[KEY]!, JSON_DEPTH);
  return makeModel('loadModel', description, [{ state: tensors }]);
}
