import { listSteps } from '../analysis/graphof.ts';
import { OperationCall } from '../analysis/operationcall.ts';
import { BatchNorm } from '../layers/batchnorm/base.ts';
import { GraphModule } from '../module/graphmodule.ts';
import { heldBy, join } from '../module/held.ts';
import { Module } from '../module/module.ts';
import { checkInstance, optionsOf } from '../tensor/options.ts';
import { Parameter } from '../tensor/parameter.ts';
import type { Shape } from '../tensor/shape.ts';
import { type ModelDescription, VERSION } from './json.ts';
import { known } from './registry.ts';
import { Writer } from './writer.ts';

export interface ToJSONOptions {
  /**
   * The shape of the input, or an array of shapes for several inputs. With it, a model that has composites of
   * classes that are not registered is described by the calls of its layers, as a `GraphModule`.
   */
  shape?: Shape | readonly Shape[];
}

/**
 * Describes a model's architecture in plain JSON: its layers, their options, how they are put together, and what
 * is frozen. `fromJSON` makes the model again, with new weights.
 *
 * ```ts
 * const text = JSON.stringify(toJSON(model));
 * ```
 *
 * It knows every layer of the package, and classes that you `register`. A layer in several places stays one
 * layer, and so does a weight that layers share. Not in it: weights and statistics (`saveModel` stores both),
 * how weights were initialized, and the mode: what `fromJSON` makes is in training mode.
 *
 * With `{ shape }`, a composite of a class that is not registered is described by the calls that its `forward`
 * makes for that shape. The model is then a `GraphModule` with the same state-dict keys.
 *
 * @throws TypeError for what is not a Module, or for options that JSON cannot hold
 * @throws RangeError for a layer of a class that is not registered, with its place
 */
export function toJSON(
  model: Module,
  ...rest: [options?: ToJSONOptions | undefined]
): ModelDescription {
  return describeModel('toJSON', model, rest)[0];
}

/** The description, and the model that has its state-dict keys: the model itself, or the list of its calls. */
export function describeModel(
  who: string,
  model: Module,
  rest: readonly (ToJSONOptions | undefined)[],
): [ModelDescription, Module] {
  checkInstance(`${who}: model`, model, Module, 'a Module');
  const { shape } = optionsOf(who, rest, { shape: undefined });
  const whole = shape !== undefined && hasUnknown(model) ? callsOf(who, model, shape) : model;
  const frozen = whole.namedParameters().filter(([, parameter]) => !parameter.requiresGrad);
  const norms = whole
    .namedModules()
    .filter(([, m]) => m instanceof BatchNorm && m.frozenStatistics);
  const tied = sharedParameters(whole);
  const description: ModelDescription = {
    format: 'evenkeel',
    version: VERSION,
    model: new Writer(who).module(whole, 'model'),
    ...(frozen.length > 0 ? { frozen: frozen.map(([name]) => name) } : {}),
    ...(norms.length > 0 ? { frozenStatistics: norms.map(([name]) => name) } : {}),
    ...(tied.length > 0 ? { tied } : {}),
  };
  return [description, whole];
}

/** Whether there is a composite of a class that is not registered. */
function hasUnknown(model: Module): boolean {
  const { byClass } = known();
  return model.namedModules().some(([, m]) => m.isComposite && !byClass.has(m.constructor));
}

/** The model as the list of its calls: the same layers under the same names. */
function callsOf(who: string, model: Module, shape: Shape | readonly Shape[]): GraphModule {
  const { steps, inputs, output } = listSteps(who, model, shape, true);
  const operation = steps.find(({ layer }) => layer instanceof OperationCall);
  if (operation) {
    throw new RangeError(
      `${who}: ${operation.name}: a description has no operations on tensors, such as ${operation.layer}: register ` +
        'the composite whose forward calls it',
    );
  }
  const reached = new Set<Module>(steps.map(({ layer }) => layer));
  const lost = model.namedModules().filter(([, m]) => !reached.has(m) && ownState(m));
  if (lost.length === 0) return new GraphModule(steps, { inputs, output });
  const names = lost.map(([name, m]) => name || `${m}`).join(', ');
  throw new RangeError(
    `${who}: expected that forward calls every layer that has state, and it does not call ${names}: register ` +
      'their composites',
  );
}

function ownState(module: Module): boolean {
  return [...heldBy(module)].some(([, value]) => value instanceof Parameter);
}

/** The parameters that are in several layers: each further place, and the first. */
function sharedParameters(model: Module): [place: string, first: string][] {
  const places = new Map<Parameter, string>();
  const shared: [string, string][] = [];
  for (const [prefix, module] of model.namedModules()) {
    for (const [name, value] of heldBy(module)) {
      if (!(value instanceof Parameter)) continue;
      const place = join(prefix, name);
      const first = places.get(value);
      if (first === undefined) places.set(value, place);
      else shared.push([place, first]);
    }
  }
  return shared;
}
