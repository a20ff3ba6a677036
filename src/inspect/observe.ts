import { type NamedOutput, namedOutputs } from '../graph/names.ts';
import type { Use, Value } from '../graph/node.ts';
import type { ObservedPlan, Observer } from '../graph/observer.ts';
import type { Slot } from '../graph/slot.ts';
import { usable } from '../memory/dispose.ts';
import { Module } from '../module/module.ts';
import { checkInteger, unexpected } from '../tensor/check.ts';
import { checkFunction, checkInstance, optionsOf } from '../tensor/options.ts';
import type { Shape } from '../tensor/shape.ts';

/** An output of a layer, or the loss's gradient with respect to it, in a step that is running. */
export interface Observed {
  readonly kind: 'output' | 'gradient';
  /** The dotted name, as in `namedModules()`; the second output of a layer that runs twice is 'name#2'. */
  readonly name: string;
  readonly layer: Module;
  readonly shape: Shape;
  /** A copy of the values, in row-major order, made when it is first read: read it in the callback. */
  readonly values: Float32Array;
  /** The number of this forward since the observation began, from 1. */
  readonly step: number;
  /** Whether the model was in training mode. */
  readonly training: boolean;
}

export interface ObserveOptions {
  /**
   * The names of the layers to observe, or a function that chooses them. Default: all layers that compute
   * something themselves, but no composites. Composites can be named, too; '' is the model.
   */
  layers?: readonly string[] | ((name: string, layer: Module) => boolean);
  /** Observes one forward of each `every`, and its backward, beginning with the first. Default 1. */
  every?: number;
}

/** An observation that is going on. */
export interface Observation extends Disposable {
  /** Ends it. */
  stop(): void;
}

/**
 * Shows a callback the outputs of layers, and the loss's gradients with respect to them, while the model
 * trains: outputs in the order in which layers run, gradients in the reverse order.
 *
 * ```ts
 * const observation = observe(model, ({ kind, name, values }) => record(kind, name, values), {
 *   layers: ['bn1', 'layer2.0'], every: 10,
 * });
 * // … train …
 * observation.stop();
 * ```
 *
 * It sees the steps of `model.forward` and `model.backward`; those of a model that contains this one, and
 * `predict`, it does not. Weights, state-dict keys and random numbers are the same bits with and without it.
 * An observed step keeps apart what other steps compute in one pass (a batch norm and its ReLU), so it takes
 * longer and more memory; steps between two observed ones do not. There are no gradients of outputs that no
 * trained parameter comes before.
 *
 * The callback must not run, change or dispose of the model. If it throws, the step fails with its error.
 *
 * @param model the module whose `forward` you call
 * @throws RangeError if the model has no layer of a name in `layers`
 * @throws TypeError if `callback` is not a function
 */
export function observe(
  model: Module,
  callback: (seen: Observed) => void,
  ...rest: [options?: ObserveOptions | undefined]
): Observation {
  const { layers, every } = optionsOf('observe', rest, { layers: undefined, every: 1 });
  checkInstance('observe: model', model, Module, 'a Module');
  checkFunction('observe: callback', callback);
  checkInteger('observe', 'every', every);
  return observation(
    model,
    new LayerObserver(model, chooser(model, layers), every, (seen) => callback(seen)),
  );
}

/** Lets an observer see the steps of a model until it is stopped. */
export function observation(model: Module, observer: Observer): Observation {
  const stop = model.observeSteps(observer);
  return usable({ stop, [Symbol.dispose]: stop }, stop);
}

export type Choice = (name: string, layer: Module) => boolean;

/** @throws RangeError for a name that no module has */
export function chooser(model: Module, layers: ObserveOptions['layers'], who = 'observe'): Choice {
  if (typeof layers === 'function') return layers;
  if (!layers) return (_name, layer) => layer.children().length === 0;
  const known = model.namedModules().map(([name]) => name);
  if (!Array.isArray(layers)) throw unexpected('observe: layers', 'names or a function', layers);
  const unknown = (layers as string[]).find((name) => !known.includes(name.replace(/#\d+$/, '')));
  if (unknown !== undefined) {
    throw new RangeError(
      `${who}: layers expected names of ${model}'s modules, got '${unknown}': there are ` +
        known.filter((name) => name).join(', '),
    );
  }
  const chosen = new Set(layers);
  return (name) => chosen.has(name) || chosen.has(name.replace(/#\d+$/, ''));
}

/** Tells of the chosen outputs and their gradients. */
class LayerObserver implements Observer {
  private steps = 0;
  private training = false;
  private readonly chosen = new WeakMap<ObservedPlan, Map<Value, NamedOutput[]>>();
  private now: Map<Value, NamedOutput[]> = new Map();

  constructor(
    private readonly model: Module,
    private readonly choice: Choice,
    private readonly every: number,
    private readonly tell: (seen: Observed) => void,
  ) {}

  wants(training: boolean): boolean {
    this.training = training;
    return this.steps++ % this.every === 0;
  }

  begin(plan: ObservedPlan): void {
    this.now = this.chosen.get(plan) ?? this.choose(plan);
    for (const value of plan.inputs) this.show('output', value, value.slot);
  }

  after({ output }: Use): void {
    this.show('output', output, output.slot);
  }

  gradient({ output }: Use): void {
    this.show('gradient', output, output.gradient!);
  }

  private choose(plan: ObservedPlan): Map<Value, NamedOutput[]> {
    const chosen = new Map<Value, NamedOutput[]>();
    for (const named of namedOutputs(this.model, plan.outputs)) {
      if (!this.choice(named.name, named.module as Module)) continue;
      chosen.set(named.value, [...(chosen.get(named.value) ?? []), named]);
    }
    this.chosen.set(plan, chosen);
    return chosen;
  }

  private show(kind: Observed['kind'], value: Value, slot: Slot): void {
    for (const { name, module } of this.now.get(value) ?? []) {
      const { steps: step, training } = this;
      let copy: Float32Array | undefined;
      let ended = false;
      this.tell({
        ...{ kind, name, layer: module as Module, shape: value.shape, step, training },
        get values() {
          if (!copy && ended) {
            throw new Error(
              `observe: the values of ${name} were read after the callback had ended: read them in it`,
            );
          }
          return (copy ??= slot.f32.slice());
        },
      });
      ended = true;
    }
  }
}
