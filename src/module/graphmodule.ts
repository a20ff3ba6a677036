import { describe, unexpected } from '../tensor/check.ts';
import { optionsOf } from '../tensor/options.ts';
import type { Input, Tensor } from '../tensor/tensor.ts';
import { isContainer } from './held.ts';
import { Module } from './module.ts';

/** One call of a layer in a `GraphModule`. */
export interface GraphStep {
  /**
   * The dotted name of the layer, under which its parameters are in the state dict. The second call of the
   * same layer is named `name#2`, and so on.
   */
  readonly name: string;
  readonly layer: Module;
  /** What it reads: names of the network's inputs and of earlier steps. */
  readonly inputs: readonly string[];
}

/** Which tensors a `GraphModule` takes and gives. */
export interface GraphEnds {
  /** Names of the inputs, in the order of `forward`'s. Default `['x']`. */
  readonly inputs?: readonly string[];
  /** The step or input that is the output. Default the last step. */
  readonly output?: string;
}

/**
 * A network that is written down as a list: which layer reads the outputs of which others.
 *
 * ```ts
 * const block = new GraphModule([
 *   { name: 'conv', layer: new Conv2d(8, 8, 3, { padding: 1, bias: false }), inputs: ['x'] },
 *   { name: 'bn', layer: new BatchNorm2d(8), inputs: ['conv'] },
 *   { name: 'sum', layer: new Add(), inputs: ['bn', 'x'] },
 * ]);
 * ```
 *
 * Models that come from files are made of it. `graphOf` gives the list of a model that exists.
 *
 * @throws TypeError if a step has no layer or no list of names
 * @throws RangeError for a name that is given twice, or that is read before it is made
 */
export class GraphModule extends Module<Tensor> {
  /** The names of the inputs. */
  readonly inputs: readonly string[];
  /** The calls in their order. */
  readonly steps: readonly GraphStep[];
  /** The name of the step, or input, that is the output. */
  readonly output: string;

  constructor(steps: readonly GraphStep[], ...rest: [ends?: GraphEnds | undefined]) {
    super();
    const { inputs = ['x'], ...ends } = optionsOf('GraphModule', rest, {
      inputs: undefined,
      output: undefined,
    });
    if (!Array.isArray(steps)) throw unexpected('GraphModule: steps', 'a list of steps', steps);
    checkNames('GraphModule: inputs', inputs);
    const known = new Set<string>();
    const add = (name: string): void => {
      if (known.has(name))
        throw new RangeError(`GraphModule: expected each name once, got ${name} twice`);
      known.add(name);
    };
    inputs.forEach(add);
    const layers = new Map<string, Module>();
    for (const [i, step] of steps.entries())
      checkStep(`GraphModule: steps[${i}]`, step, known, layers, add);
    const { output = steps.at(-1)?.name ?? inputs[0]! } = ends;
    if (!known.has(output)) {
      throw new RangeError(
        `GraphModule: output expected the name of a step, got ${describe(output)}`,
      );
    }
    this.inputs = [...inputs];
    this.steps = steps.map(({ name, layer, inputs }) => ({ name, layer, inputs: [...inputs] }));
    this.output = output;
  }

  override forward(x: Input | readonly Input[]): Tensor {
    const given = (Array.isArray(x) ? x : [x]) as readonly Input[];
    const { inputs } = this;
    if (given.length !== inputs.length) {
      throw new RangeError(
        `${this}: expected ${inputs.length} inputs (${inputs.join(', ')}), got ${given.length}`,
      );
    }
    const values = new Map(inputs.map((name, i) => [name, given[i]!]));
    for (const step of this.steps) {
      const y = step.layer.forward(step.inputs.map((name) => values.get(name)!));
      this.check(step, y);
      values.set(step.name, y);
    }
    return values.get(this.output) as Tensor;
  }

  /** @internal Checks what a step gave. */
  protected check(_step: GraphStep, _y: Tensor): void {}

  override children(): [string, Module][] {
    const names = new Map<Module, string>();
    for (const { name, layer } of this.steps)
      if (!names.has(layer)) names.set(layer, placeOf(name));
    return [...names].map(([layer, name]) => [name, layer]);
  }

  override toString(): string {
    return this.constructor.name;
  }
}

/** The layer's name: a step's name without the number of the call. */
function placeOf(step: string): string {
  return step.replace(/#\d+$/, '');
}

function checkStep(
  who: string,
  step: GraphStep,
  known: ReadonlySet<string>,
  layers: Map<string, Module>,
  add: (name: string) => void,
): void {
  if (!isContainer(step)) throw unexpected(who, '{ name, layer, inputs }', step);
  const { name, layer, inputs } = step;
  if (!(layer instanceof Module)) throw unexpected(`${who}.layer`, 'a layer', layer);
  checkNames(`${who}.inputs`, inputs);
  checkNames(`${who}.name`, [name]);
  const later = inputs.find((input) => !known.has(input));
  if (later !== undefined) {
    throw new RangeError(
      `${who}: ${name} expected inputs that earlier steps made, got ${describe(later)}`,
    );
  }
  const place = placeOf(name);
  if ((layers.get(place) ?? layer) !== layer) {
    throw new RangeError(`${who}: ${name} expected the layer of ${place}, got another ${layer}`);
  }
  layers.set(place, layer);
  add(name);
}

function checkNames(who: string, names: unknown): asserts names is readonly string[] {
  const good = Array.isArray(names) && names.length > 0;
  if (good && names.every((name) => typeof name === 'string' && name !== '')) return;
  throw unexpected(who, 'names', names);
}
