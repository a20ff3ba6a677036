import { namedOutputs } from '../graph/names.ts';
import type { Use, Value } from '../graph/node.ts';
import type { ObservedPlan, Observer } from '../graph/observer.ts';
import { Module } from '../module/module.ts';
import { checkInstance } from '../tensor/options.ts';
import { shapeText } from '../tensor/shape.ts';
import { type Observation, observation } from './observe.ts';

/** A number that is not finite, and where it came up first. */
export class AnomalyError extends Error {
  override readonly name = 'AnomalyError';

  constructor(
    message: string,
    /** The dotted name of the layer or parameter; '' for the model's input. */
    readonly at: string,
    readonly kind: 'input' | 'parameter' | 'output' | 'gradient',
  ) {
    super(message);
  }
}

/**
 * Makes a training step fail, with an error that names the place, as soon as a number in it is NaN or
 * infinite: in the input, in a layer's parameters, in an output, or in a gradient. The step's weights are not
 * updated, because `backward` does not return.
 *
 * ```ts
 * const anomalies = detectAnomaly(model);
 * for await (const step of fit(model, data, options)) …   // AnomalyError: output of fc2 (Linear) …
 * anomalies.stop();
 * ```
 *
 * It reads every number of every step, so use it to find a fault, not to train.
 *
 * @param model the module whose `forward` you call
 */
export function detectAnomaly(model: Module): Observation {
  checkInstance('detectAnomaly: model', model, Module, 'a Module');
  return observation(model, new AnomalyObserver(model));
}

class AnomalyObserver implements Observer {
  private names = new Map<Value, string>();

  constructor(private readonly model: Module) {}

  wants(): boolean {
    return true;
  }

  begin(plan: ObservedPlan): void {
    this.names = new Map();
    for (const { name, module, value } of namedOutputs(this.model, plan.outputs)) {
      if (!this.names.has(value)) this.names.set(value, `${name || 'the model'} (${module})`);
    }
    for (const [i, { shape, slot }] of plan.inputs.entries()) {
      if (slot.dtype !== 'f32') continue;
      this.check(slot.f32, '', 'input', `input ${i}, ${shapeText(shape)}`);
    }
  }

  before({ leaf, output }: Use): void {
    for (const parameter of leaf.ownParameters()) {
      const [name] = this.model.namedParameters().find(([, other]) => other === parameter)!;
      const of = `${name}, a parameter of ${this.names.get(output) ?? 'the model'}`;
      this.check(parameter.data.view(), name, 'parameter', of);
    }
  }

  after({ leaf, inputs, output }: Use): void {
    if (inputs.length === 0) return; // a constant may be infinite on purpose
    const name = this.names.get(output) ?? `${leaf}`;
    const what = `the output of ${name}, ${shapeText(output.shape)}`;
    this.check(output.slot.f32, name, 'output', what, '; its inputs and parameters are finite');
  }

  gradient({ leaf, output }: Use): void {
    const name = this.names.get(output) ?? `${leaf}`;
    const what = `the gradient of the loss with respect to the output of ${name}`;
    this.check(output.gradient!.f32, name, 'gradient', what);
  }

  end(): void {
    for (const [name, { grad }] of this.model.namedParameters()) {
      if (grad) this.check(grad.view(), name, 'gradient', `the gradient of ${name}`);
    }
  }

  private check(
    values: Float32Array,
    at: string,
    kind: AnomalyError['kind'],
    what: string,
    hint = '',
  ): void {
    const first = values.findIndex((value) => !Number.isFinite(value));
    if (first < 0) return;
    let count = 0;
    for (const value of values) if (!Number.isFinite(value)) count++;
    throw new AnomalyError(
      `${this.model}: ${what}, has ${count} of ${values.length} numbers that are not finite, the first ` +
        `${values[first]} at [${first}]${hint}`,
      at.replace(/ \(.*$/, ''),
      kind,
    );
  }
}
