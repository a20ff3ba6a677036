import { Tensor } from '../tensor/tensor.ts';
import type { Model } from './model.ts';
import { namedOutputs } from './names.ts';
import type { Use, Value } from './node.ts';
import type { ObservedPlan, Observer } from './observer.ts';

/** Copies the outputs of the named modules while a prediction runs. */
export class Collector implements Observer {
  /** The copies by name, in the order that was asked for. */
  readonly found: Record<string, Tensor> = {};
  private readonly asked = new Map<Value, string[]>();

  constructor(
    private readonly model: Model,
    private readonly names: readonly string[],
  ) {}

  wants(): boolean {
    return true;
  }

  /** @throws RangeError for a name that no output of the model has */
  begin(plan: ObservedPlan): void {
    const outputs = new Map(
      namedOutputs(this.model, plan.outputs).map(({ name, value }) => [name, value]),
    );
    for (const name of this.names) {
      const value = outputs.get(name);
      if (!value) {
        throw new RangeError(
          `${this.model}.predict: at expected names of modules that run, got '${name}': there are ` +
            [...outputs.keys()].filter((known) => known).join(', '),
        );
      }
      this.asked.set(value, [...(this.asked.get(value) ?? []), name]);
      this.found[name] = Tensor.zeros([0]);
    }
    for (const value of plan.inputs) this.copy(value);
  }

  after(use: Use): void {
    this.copy(use.output);
  }

  private copy(value: Value): void {
    for (const name of this.asked.get(value) ?? []) {
      this.found[name] = new Tensor(value.shape, value.slot.f32.slice());
    }
  }
}
