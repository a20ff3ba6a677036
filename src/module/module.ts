/// <reference lib="esnext.disposable" preserve="true" />

import { Collector } from '../graph/collector.ts';
import type { Observer } from '../graph/observer.ts';
import { settleAs } from '../graph/places.ts';
import { Session } from '../graph/session.ts';
import { isTracingPrediction, Traced } from '../graph/trace.ts';
import { disposable } from '../memory/dispose.ts';
import { checkRecord, unexpected } from '../tensor/check.ts';
import { checkCount, optionOf, optionsOf } from '../tensor/options.ts';
import { Buffer, Counter, Parameter } from '../tensor/parameter.ts';
import { exactly, INSPECT, type Input, type Tensor } from '../tensor/tensor.ts';
import { AUTHORED, composite } from './composite.ts';
import { type Copies, copyOf } from './copy.ts';
import { heldBy, join } from './held.ts';
import { distinct, type Entry, type LoadResult, load, partOf } from './load.ts';
import { outlineOf } from './outline.ts';

export type { LoadResult };

/** A copy of a module's parameters and buffers under PyTorch's names. */
export type StateDict = Record<string, Tensor>;

/**
 * The gradients that `backward` takes for what a `forward` returns: one for a tensor, and for a list or record the
 * gradients of all tensors or some. A number is the gradient of a tensor with one element.
 */
export type GradientsOf<Output> = Output extends Tensor
  ? Input | number
  : Output extends readonly unknown[]
    ? readonly (Input | number | null | undefined)[]
    : { readonly [Name in keyof Output]?: Input | number | null | undefined };

/**
 * The base class of layers and networks.
 *
 * Extend it to compose layers: create them in the constructor or in fields, and connect them in
 * `forward`. The names of the properties are the state-dict keys, as in PyTorch: nested names are joined
 * by dots, and elements of arrays, plain objects and Maps are named by their index or key.
 *
 * ```ts
 * class Block extends Module {
 *   conv = new Conv2d(8, 8, 3, { padding: 1, bias: false });
 *   bn = new BatchNorm2d(8);
 *   add = new Add();
 *   override forward(x: Input): Tensor {
 *     return this.add.forward([this.bn.forward(this.conv.forward(x)), x]);
 *   }
 * }
 * ```
 *
 * Your `forward` runs once per batch shape, to make a plan of the step. Its tensors have shapes but no
 * values, so an `if` in it is decided once for all steps of that shape. It may return several tensors, as a
 * record or an array, or a loss: a tensor with one element.
 *
 * A `Buffer` in a property is state that is not trained: `stateDict()` has it, and `parameters()` does not.
 *
 * @typeParam Output what `forward` returns; the compiler takes it from your `forward`
 */
// biome-ignore lint/suspicious/noExplicitAny: what a module returns is known of its class only
export abstract class Module<Output = any> {
  private mode = true;
  private session: Session | undefined;

  constructor(...rest: []) {
    checkCount(this.constructor.name, rest);
    const self = this.isComposite ? composite(this, run) : this;
    disposable(self, () => self.endSession());
    // biome-ignore lint/correctness/noConstructorReturn: `new` must return a Proxy; see `composite`
    return self;
  }

  /** @internal Whether the module's `forward` only calls other modules; false for a leaf. */
  get isComposite(): boolean {
    return true;
  }

  /** Whether the module is in training mode; set it with `train()` and `eval()`. */
  get training(): boolean {
    return this.mode && !isTracingPrediction();
  }

  /**
   * Computes the output for `x`, and records what `backward` needs. In training mode, batch norm uses the
   * batch's statistics and dropout is active.
   *
   * The result is a view of the model's workspace, valid until the model's next `forward`. Use
   * `toArray()` or `clone()` to keep it. A module whose author's `forward` returns a record or an array of tensors
   * returns one of results.
   *
   * @param x a Tensor or `{ data, shape }`, which is copied; an array of them for several inputs
   * @throws RangeError if a layer cannot take the shape; the module's state has not changed then
   */
  forward(x: Input | readonly Input[]): Output {
    const inputs = this.inputsOf(x);
    const traced = inputs.filter((input) => input instanceof Traced);
    if (traced.length === 0) {
      return (this.session ??= new Session(this)).forward(inputs) as Output;
    }
    if (traced.length < inputs.length) {
      throw new TypeError(
        `${this}: expected inputs that are all traced or all have values, got both: in your own ` +
          'forward, pass only tensors that come from its argument',
      );
    }
    return this.trace(traced) as Output;
  }

  /**
   * Computes the gradients of the last `forward`. Adds those of trained parameters to `grad`, and returns
   * the input's gradient: a Tensor, or an array of them if there are several inputs. The input's gradient
   * is computed when it is first read, which must be before the next `forward` or optimizer step. It is
   * zeros for an input that does not reach the output.
   *
   * ```ts
   * model.backward(loss.backward());
   * model.backward();                                          // forward returned a loss: begins at 1
   * model.backward({ recon: a.backward(), mu: b.backward() }); // forward returned { recon, mu, … }
   * model.backward(a.backward(), b.backward(0.1));             // two losses of one output: they add up
   * ```
   *
   * What leads only to outputs that get no gradient is left as it is: its parameters get none.
   *
   * @param dy gradients of the loss with respect to the output; they have the output's shape. For several
   *   outputs records or arrays with gradients of some of them.
   * @throws Error if there was no forward, if its backward has run already, or if a gradient belongs to an
   *   older forward
   * @throws TypeError or RangeError if a gradient has another shape, or is that of an output that does not exist
   */
  backward<G extends Tensor | Tensor[] = Tensor>(
    ...dy: readonly (Input | GradientsOf<ReturnType<this['forward']>>)[]
  ): G {
    const gradients = (this.session ??= new Session(this)).backward(dy);
    return (gradients.length === 1 ? gradients[0] : gradients) as G;
  }

  /**
   * Computes the output for `x` with running statistics and without dropout, and returns it in a Tensor
   * that owns its values. Does not change the mode, any state or the generator, and may be called between
   * a `forward` and its `backward`. The bits of a sample's result do not depend on the rest of the batch.
   *
   * With `at`, it returns the outputs of these modules instead, by name:
   *
   * ```ts
   * const { bn1, 'layer2.0': block } = model.predict(x, { at: ['bn1', 'layer2.0'] });
   * ```
   *
   * @param x a Tensor or `{ data, shape }`; an array of them for several inputs
   * @param options.at names as in `namedModules()`. The second output of a module that runs twice is
   *   'name#2'.
   * @throws RangeError if a layer cannot take the shape, or if no module of a name in `at` runs
   */
  predict(x: Input | readonly Input[]): ReturnType<this['forward']>;
  predict<Name extends string>(
    x: Input | readonly Input[],
    options: { at: readonly Name[] },
  ): Record<Name, Tensor>;
  predict(
    x: Input | readonly Input[],
    ...rest: [options?: { at?: readonly string[] } | undefined]
  ): unknown {
    const session = (this.session ??= new Session(this));
    const who = `${this}.predict`;
    const { at } = optionsOf(who, rest, { at: undefined });
    if (at === undefined) return session.predict(this.inputsOf(x));
    if (!Array.isArray(at)) throw unexpected(`${who}: at`, 'names of modules', at);
    const collector = new Collector(this, at);
    session.predict(this.inputsOf(x), [collector]);
    return collector.found;
  }

  /** @internal Lets `observer` see the steps of this model. Returns a function that ends it. */
  observeSteps(observer: Observer): () => void {
    return (this.session ??= new Session(this)).observe(observer);
  }

  /** Sets this module and its submodules to training mode: batch statistics, dropout. */
  train(mode = true): this {
    optionOf(`${this}.train`, 'mode', mode, true);
    for (const [, module] of this.namedModules()) module.mode = mode;
    return this;
  }

  /** Sets this module and its submodules to evaluation mode: running statistics, no dropout. */
  eval(): this {
    return this.train(false);
  }

  /**
   * Freezes all parameters of this module and its submodules: they get no gradient and no update.
   *
   * @param options.statistics whether its batch norms keep their running statistics, too, and normalise with
   *   them as in evaluation, also after `train()`; default false
   */
  freeze(...rest: [options?: { statistics?: boolean } | undefined]): this {
    const { statistics } = optionsOf(`${this}.freeze`, rest, { statistics: false });
    return this.setTrained(false, statistics);
  }

  /** Makes all parameters of this module and its submodules trainable again, and undoes `statistics`. */
  unfreeze(): this {
    return this.setTrained(true, true);
  }

  private setTrained(trained: boolean, statistics: boolean): this {
    for (const parameter of this.parameters()) parameter.requiresGrad = trained;
    for (const [, module] of this.namedModules()) if (statistics) module.freezeStatistics(!trained);
    return this;
  }

  /** @internal Freezes the running statistics of this module, without those of submodules, or undoes that. */
  protected freezeStatistics(_frozen: boolean): void {}

  /** Sets the gradients of all parameters to zero and marks them as not computed, as an optimizer's does. */
  zeroGrad(): void {
    for (const parameter of this.parameters()) parameter.zeroGrad();
  }

  /** The direct submodules with their names. */
  children(): [string, Module][] {
    return [...heldBy(this)].filter(isModule);
  }

  /** This module and all its submodules with their dotted names, each once. */
  namedModules(): [string, Module][] {
    const found = new Map<Module, string>();
    const visit = (module: Module, name: string): void => {
      if (found.has(module)) return;
      found.set(module, name);
      for (const [child, below] of module.children()) visit(below, join(name, child));
    };
    visit(this, '');
    return [...found].map(([module, name]) => [name, module]);
  }

  /** The parameters of this module and its submodules, each once, in the order of the state dict. */
  parameters(): Parameter[] {
    return this.namedParameters().map(([, parameter]) => parameter);
  }

  /** `parameters()` with their dotted names. */
  namedParameters(): [string, Parameter][] {
    return distinct(this.entries(), Parameter);
  }

  /** The buffers (running statistics) of this module and its submodules with dotted names, each once. */
  namedBuffers(): [string, Buffer][] {
    return distinct(this.entries(), Buffer);
  }

  /** @internal The parameters of this module, without those of submodules. */
  ownParameters(): Parameter[] {
    return [...heldBy(this)].flatMap(([, value]) => (value instanceof Parameter ? [value] : []));
  }

  /**
   * A copy of all parameters and buffers under PyTorch's names. What is in two places, such as a weight that two
   * layers share, is there under both names.
   */
  stateDict(): StateDict {
    const copyOf = (entry: Entry) =>
      entry instanceof Counter ? exactly(entry.value) : entry.data.clone();
    // A name may be __proto__, which an assignment would take for the prototype.
    return Object.fromEntries(Array.from(this.entries(), ([name, entry]) => [name, copyOf(entry)]));
  }

  /**
   * Loads values by name. Everything is checked first: if this throws, nothing has been loaded.
   *
   * Of what is in two places, one name is enough; if both are there, the last counts, as in PyTorch.
   *
   * @param state Tensors, or `{ shape, data }`
   * @param options.strict whether all names and shapes must match, default true; if not, what matches is loaded
   * @param options.from the beginning of the names to load, such as 'backbone.'; the rest of each is a name of
   *   this module. Other names of the state dict are ignored. Default ''
   * @returns the names that did not match
   * @throws TypeError if an entry does not hold numbers
   * @throws RangeError if `strict` and a name is missing or unexpected, or if a shape is another
   */
  loadStateDict(
    state: Readonly<Record<string, Input>>,
    ...rest: [options?: { strict?: boolean; from?: string } | undefined]
  ): LoadResult {
    const who = `${this}.loadStateDict`;
    const { strict, from = '' } = optionsOf(who, rest, { strict: true, from: undefined });
    checkRecord(who, state);
    return load(who, [...this.entries()], partOf(who, state, from), strict);
  }

  /**
   * A copy of the model with parameters, buffers and submodules of its own, of the same values. All else in its
   * properties is shared with the model; gradients, hooks and what is `#private` are not copied.
   *
   * ```ts
   * const target = model.clone().eval();       // a target network, a teacher, the model of a client
   * ```
   */
  clone(): this {
    const copies: Copies = new Map();
    const copy = this.copyInto(copies);
    for (const [original, each] of copies) settleAs(each, original);
    return copy;
  }

  /** @internal A copy, in which what is in `copies` already takes the place of its original. */
  copyInto(copies: Copies): this {
    const { session: _, ...own } = Object.getOwnPropertyDescriptors(this) as PropertyDescriptorMap;
    const bare = Object.create(Object.getPrototypeOf(this), own) as this;
    const copy = this.isComposite ? composite(bare, run) : bare;
    copies.set(this, copy);
    for (const [name, value] of Object.entries(this)) {
      if (name in own) Object.defineProperty(copy, name, { value: copyOf(value, copies) });
    }
    disposable(copy, () => copy.endSession());
    return copy;
  }

  /** @internal A copy for inference alone, if that is another class: see `fold`. */
  plainCopy?(copies: Copies): Module;

  /** @internal Releases the memory of plans and results; parameters and buffers stay. */
  endSession(): void {
    this.session?.release();
  }

  /** Releases the module's linear memory. Do not use the module afterwards. */
  dispose(): void {
    this.endSession();
    for (const [, value] of heldBy(this)) {
      if (value instanceof Parameter || value instanceof Buffer) value.dispose();
    }
    for (const [, child] of this.children()) if (child !== this) child.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  toString(): string {
    return this.constructor.name;
  }

  /** @internal What `console.log` shows: an outline of the layers by name, as PyTorch's. */
  [INSPECT](): string {
    return outlineOf(this, new Set());
  }

  /** @internal Passes traced tensors through this module, which records its leaves in their trace. */
  protected trace(inputs: readonly Traced[]): unknown {
    const forward = (this as { [AUTHORED]?: Module['forward'] })[AUTHORED];
    if (typeof forward !== 'function' || forward === run) {
      throw new TypeError(`${this}: expected a Module with a forward(x), got none: implement it`);
    }
    const x = inputs.length === 1 ? inputs[0]! : inputs;
    return inputs[0]!.trace.through(this, inputs, () => forward.call(this, x));
  }

  /** @internal The state-dict key of a property. */
  protected stateName(property: string): string {
    return property;
  }

  private inputsOf(x: Input | readonly Input[]): readonly Input[] {
    const inputs = Array.isArray(x) ? [...x] : [x as Input];
    if (inputs.length === 0) throw new RangeError(`${this}: expected an input, got none`);
    return inputs;
  }

  /**
   * The parameters, buffers and counters by dotted name. What is in two places is listed under both names.
   *
   * @param above the modules that this one is part of: it may contain itself
   */
  private *entries(prefix = '', above: readonly Module[] = []): Iterable<[string, Entry]> {
    if (above.includes(this)) return;
    for (const kind of [Parameter, Buffer, Counter]) {
      for (const [name, entry] of heldBy(this)) {
        if (entry instanceof kind) yield [join(prefix, this.stateName(name)), entry];
      }
    }
    for (const [name, child] of this.children()) {
      yield* child.entries(join(prefix, name), [...above, this]);
    }
  }
}

// Outside of the class: a class that names itself in its body has another name in bundles.

/** What `forward` of a composite does, whatever its author wrote. */
const run: unknown = Module.prototype.forward;

function isModule(held: [string, unknown]): held is [string, Module] {
  return held[1] instanceof Module;
}
