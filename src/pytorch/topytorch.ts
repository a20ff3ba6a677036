import { Module } from '../module/module.ts';
import { unexpected } from '../tensor/check.ts';
import { checkFunction, checkInstance, optionsOf } from '../tensor/options.ts';
import type { Shape } from '../tensor/shape.ts';
import { callsOf } from './calls.ts';
import { isIdentifier, quoted } from './python.ts';
import { Source } from './source.ts';

export interface ToPyTorchOptions {
  /** The shape of the input, or an array of shapes for several inputs; needed as for `graphOf`. */
  shape?: Shape | readonly Shape[];
  /** The class's name in Python. Default 'Net'. */
  name?: string;
  /** Where `load` looks for the weights by default. Default 'model.safetensors'. */
  weights?: string;
  /**
   * Gives the Python expression that makes a layer, such as `'Square()'`, for layers of your own; undefined for
   * those that are to be translated as usual.
   */
  write?: (layer: Module) => string | undefined;
  /** Python source that stands above the classes: what the expressions of `write` need. */
  preamble?: string;
}

/**
 * Writes a model as PyTorch source: an `nn.Module` with the same submodules, names, options and state-dict
 * keys, and functions that read and write its safetensors file with nothing but struct, json and torch.
 *
 * ```ts
 * await writeFile('net.py', toPyTorch(model));
 * await writeFile('model.safetensors', saveModel(model));
 * ```
 *
 * ```python
 * from net import load, save
 * model = load("model.safetensors")
 * ```
 *
 * A `Sequential` becomes an nn.Sequential. A composite becomes a class whose forward has the calls that its
 * `forward` makes, so an `if` in it is decided once. What PyTorch lacks (batch norm's further options, RMSNorm,
 * uneven padding) is written out in a small class beside it. Frozen parameters are frozen there, too.
 *
 * Not in the source: a dropout's generator and how weights were initialized.
 *
 * @throws RangeError for a layer of your own that `write` does not know, and for a model that cannot be traced
 *   without a shape, or whose composite makes other calls the second time; TypeError for a Renorm with
 *   functions as bounds
 */
export function toPyTorch(
  model: Module,
  ...rest: [options?: ToPyTorchOptions | undefined]
): string {
  const who = 'toPyTorch';
  checkInstance(`${who}: model`, model, Module, 'a Module');
  const options = optionsOf(who, rest, {
    shape: undefined,
    name: undefined,
    weights: undefined,
    write: undefined,
    preamble: undefined,
  });
  const { name = 'Net', weights = 'model.safetensors', preamble = '' } = options;
  for (const [option, value] of Object.entries({ name, weights, preamble })) {
    if (typeof value !== 'string') throw unexpected(`${who}: ${option}`, 'a text', value);
  }
  if (!isIdentifier(name)) {
    throw new RangeError(`${who}: name expected a name of Python's, got ${quoted(name)}`);
  }
  if (options.write !== undefined) checkFunction(`${who}: write`, options.write);
  const calls = callsOf(who, model, options.shape);
  const source = new Source(model, calls, name, options.write);
  return source.text(weights, preamble);
}
