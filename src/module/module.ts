/// <reference lib="esnext.disposable" preserve="true" />

import { Session } from '../graph/session.ts';
import { Traced } from '../graph/trace.ts';
import { allowUsing } from '../memory/dispose.ts';
import { describe, sameShape, shapeText } from '../tensor/check.ts';
import { Buffer, Counter, Parameter } from '../tensor/parameter.ts';
import { type Input, inputShape, inputValues, Tensor } from '../tensor/tensor.ts';

/** A snapshot of a module's parameters and buffers, by PyTorch's names. */
export type StateDict = Record<string, Tensor>;

export interface LoadResult {
  /** Names that the module has and the state dict lacks. */
  missing: string[];
  /** Names that the state dict has and the module lacks. */
  unexpected: string[];
}

/** What stands under a name in a module's state. */
type Entry = Parameter | Buffer | Counter;

/**
 * The base of everything that can be trained or composed.
 *
 * A composite of your own extends it, makes its layers in the constructor, and says in `forward` how
 * they connect. Its properties name the state-dict keys, nested ones with dots, array entries by
 * index, as in PyTorch.
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
 * That `forward` runs once per batch shape, while a plan of the step is made: its tensors have shapes
 * but no values, and what it decides by `if` is decided for all steps of that shape.
 */
export abstract class Module {
  private mode = true;
  private session: Session | undefined;

  constructor() {
    allowUsing(this);
    // biome-ignore lint/correctness/noConstructorReturn: the one way to give out a Proxy; see `composite`
    if (this.isComposite) return composite(this);
  }

  /** @internal Whether its own `forward` says how other modules connect. */
  protected get isComposite(): boolean {
    return true;
  }

  /** Whether the module is in training mode; set it with `train()` and `eval()`. */
  get training(): boolean {
    return this.mode;
  }

  /**
   * The module's output for `x` in its present mode, recorded for a `backward`.
   *
   * The result stands on the module's workspace until its next `forward`; `toArray()` or `clone()`
   * keeps it.
   *
   * @param x a Tensor or `{ data, shape }`, copied; an array of them for several inputs
   * @throws RangeError where a layer cannot take the shape; state is then as it was
   */
  forward(x: Input | readonly Input[]): Tensor {
    const inputs = listOf(x);
    const traced = inputs.filter((input) => input instanceof Traced);
    if (traced.length === 0) return (this.session ??= new Session(this)).forward(inputs);
    if (traced.length < inputs.length) {
      throw new TypeError(`${this}: a plan's tensors cannot be mixed with ones that have values`);
    }
    return this.trace(traced);
  }

  /**
   * Gradients of the last recorded `forward`: added to each trained parameter's `grad`, and returned
   * for the input (one a Tensor, several an array). The input's gradient is computed when first read,
   * and must be read before the next `forward` or optimizer step.
   *
   * @param dy the loss's gradient with respect to the output, of its shape
   * @throws Error without a forward, for a second time, or with the gradient of an older forward
   */
  backward<G extends Tensor | Tensor[] = Tensor>(dy: Input): G {
    const gradients = (this.session ??= new Session(this)).backward(dy);
    return (gradients.length === 1 ? gradients[0] : gradients) as G;
  }

  /**
   * The output for `x` with running statistics and without dropout, in a Tensor of your own. Leaves
   * the mode, a pending backward, all state and the generator as they are. A sample's bits do not
   * depend on what else is in the batch.
   */
  predict(x: Input | readonly Input[]): Tensor {
    return (this.session ??= new Session(this)).predict(listOf(x));
  }

  /** Sets training mode here and below: batch statistics, dropout. */
  train(mode = true): this {
    this.mode = mode;
    for (const [, child] of this.children()) child.train(mode);
    return this;
  }

  /** Sets evaluation mode here and below: running statistics, no dropout. */
  eval(): this {
    return this.train(false);
  }

  /** Stops training all parameters here and below: no gradient, no update. Thaw with `unfreeze()`. */
  freeze(): this {
    for (const parameter of this.parameters()) parameter.requiresGrad = false;
    return this;
  }

  unfreeze(): this {
    for (const parameter of this.parameters()) parameter.requiresGrad = true;
    return this;
  }

  /** The modules directly below, by name. */
  children(): [string, Module][] {
    const found: [string, Module][] = [];
    for (const [name, value] of Object.entries(this)) {
      if (value instanceof Module) found.push([name, value]);
      else if (Array.isArray(value)) {
        for (const [i, entry] of value.entries()) {
          if (entry instanceof Module) found.push([`${name}.${i}`, entry]);
        }
      }
    }
    return found;
  }

  /** This module and all below, by dotted name, each once. */
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

  /** All parameters here and below, each once, in the order of the state dict. */
  parameters(): Parameter[] {
    return this.namedParameters().map(([, parameter]) => parameter);
  }

  namedParameters(): [string, Parameter][] {
    return this.entries().filter((entry): entry is [string, Parameter] => {
      return entry[1] instanceof Parameter;
    });
  }

  /** All buffers (running statistics) here and below by dotted name, each once. */
  namedBuffers(): [string, Buffer][] {
    return this.entries(true).filter((entry): entry is [string, Buffer] => {
      return entry[1] instanceof Buffer;
    });
  }

  /** @internal The parameters of this module itself. */
  ownParameters(): Parameter[] {
    return Object.values(this).filter((value) => value instanceof Parameter);
  }

  /** A snapshot of all parameters and buffers, under PyTorch's names. */
  stateDict(): StateDict {
    const state: StateDict = {};
    for (const [name, entry] of this.entries(true)) {
      state[name] = entry instanceof Counter ? Tensor.from(entry.value) : entry.data.clone();
    }
    return state;
  }

  /**
   * Loads values by name. Everything is checked first: on an error nothing is loaded.
   *
   * @param state Tensors, or `{ shape, data }`
   * @param options.strict whether every name must match; with false, what does not match is returned
   * @throws RangeError for missing or unexpected names (if strict) and for other shapes
   */
  loadStateDict(
    state: Readonly<Record<string, Input>>,
    { strict = true }: { strict?: boolean } = {},
  ): LoadResult {
    const entries = new Map(this.entries(true));
    const missing = [...entries.keys()].filter((name) => !Object.hasOwn(state, name));
    const unexpected = Object.keys(state).filter((name) => !entries.has(name));
    const faults: string[] = [];
    for (const [name, entry] of entries) {
      if (!Object.hasOwn(state, name)) continue;
      const expected = entry instanceof Counter ? [] : entry.shape;
      const shape = inputShape(`${this}.loadStateDict: ${name}`, state[name]!);
      if (!sameShape(shape, expected)) {
        faults.push(`${name} expected ${shapeText(expected)}, got ${shapeText(shape)}`);
      } else if (entry instanceof Counter) {
        const count = Number(inputValues(state[name]!)[0]);
        if (!(Number.isInteger(count) && count >= 0)) {
          faults.push(`${name} expected a whole number ≥ 0, got ${count}`);
        }
      }
    }
    if (strict && missing.length > 0) faults.push(`missing: ${missing.join(', ')}`);
    if (strict && unexpected.length > 0) faults.push(`unexpected: ${unexpected.join(', ')}`);
    if (faults.length > 0) {
      throw new RangeError(
        `${this}.loadStateDict: nothing was loaded: ${faults.join('; ')}` +
          (strict ? ' (pass { strict: false } to load the names that match)' : ''),
      );
    }
    for (const name of entries.keys()) {
      if (Object.hasOwn(state, name)) inputValues(state[name]!); // throws if stale, while nothing is loaded
    }
    for (const [name, entry] of entries) {
      if (!Object.hasOwn(state, name)) continue;
      const value = state[name]!;
      if (entry instanceof Counter) entry.value = Number(inputValues(value)[0]);
      else entry.assign(value);
    }
    return { missing, unexpected };
  }

  /**
   * @internal A module like this one, with parameters, buffers and modules of its own; what else it
   * has, the two share.
   *
   * @param copies what was copied already, so that what stands at two places still does
   */
  copy(copies = new Map<object, object>()): this {
    const own = Object.getOwnPropertyDescriptors(this);
    const bare = Object.create(Object.getPrototypeOf(this), own) as this;
    const copy = this.isComposite ? composite(bare) : bare;
    copies.set(this, copy);
    copy.session = undefined;
    for (const [name, value] of Object.entries(this)) {
      Object.assign(copy, { [name]: copyOf(value, copies) });
    }
    allowUsing(copy);
    return copy;
  }

  /** Gives the module's linear memory back. It must not be used afterwards. */
  dispose(): void {
    this.session?.release();
    for (const value of Object.values(this)) {
      if (value instanceof Parameter || value instanceof Buffer) value.dispose();
    }
    for (const [, child] of this.children()) child.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  toString(): string {
    return this.constructor.name;
  }

  /** @internal Follows a plan's tensors through this module. */
  protected trace(inputs: readonly Traced[]): Tensor {
    const forward = (this as { [AUTHORED]?: Module['forward'] })[AUTHORED];
    if (typeof forward !== 'function' || forward === Module.prototype.forward) {
      throw new TypeError(`${this}: a Module needs a forward(x) of its own`);
    }
    return forward.call(this, inputs.length === 1 ? inputs[0]! : inputs);
  }

  /** @internal A property's name in the state dict. */
  protected stateName(property: string): string {
    return property;
  }

  /** Parameters (and buffers) here and below by name, each once. */
  private entries(buffers = false): [string, Entry][] {
    const found = new Map<Entry, string>();
    for (const [prefix, module] of this.namedModules()) {
      const own = Object.entries(module);
      const note = ([name, entry]: [string, Entry]): void => {
        if (!found.has(entry)) found.set(entry, join(prefix, module.stateName(name)));
      };
      own.filter(([, value]) => value instanceof Parameter).forEach(note);
      if (!buffers) continue;
      own.filter(([, value]) => value instanceof Buffer || value instanceof Counter).forEach(note);
    }
    return [...found].map(([entry, name]) => [name, entry]);
  }
}

/** Under this key a composite has the `forward` that its author wrote. */
const AUTHORED = Symbol('forward');

/**
 * A composite's author writes `forward` for tensors without values, and its users call `forward` with data.
 * So what they hold is a Proxy, on which `forward` is always Module's own: it runs a step for data, and calls
 * the author's `forward` for a plan's tensors. It does not matter whether the author wrote a method, a field
 * or a getter, nor how many classes stand between.
 */
function composite<M extends Module>(module: M): M {
  return new Proxy(module, {
    get(target, key, self) {
      if (key === 'forward') return Module.prototype.forward;
      return Reflect.get(target, key === AUTHORED ? 'forward' : key, self);
    },
  });
}

/** @throws RangeError where one layer instance stands at two places */
export function checkDistinct(who: string, modules: Iterable<Module>): void {
  const seen = new Set<Module>();
  for (const module of modules) {
    if (!(module instanceof Module)) {
      throw new TypeError(`${who}: expected layers, got ${describe(module)}`);
    }
    for (const [, below] of module.namedModules()) {
      if (seen.has(below)) {
        throw new RangeError(
          `${who}: the same ${below} stands at two places: make one for each, ` +
            'or share it on purpose in a Module of your own',
        );
      }
      seen.add(below);
    }
  }
}

/** What a copy of a module has in the place of `value`. */
function copyOf(value: unknown, copies: Map<object, object>): unknown {
  if (Array.isArray(value)) return value.map((entry) => copyOf(entry, copies));
  const stored = value instanceof Parameter || value instanceof Buffer || value instanceof Counter;
  if (!stored && !(value instanceof Module)) return value;
  const known = copies.get(value);
  if (known) return known;
  if (value instanceof Module) return value.copy(copies);
  const copy = value instanceof Counter ? new Counter(value.value) : storedCopy(value);
  copies.set(value, copy);
  return copy;
}

function storedCopy(value: Parameter | Buffer): Parameter | Buffer {
  if (value instanceof Buffer) return new Buffer(value.data);
  const copy = new Parameter(value.data);
  copy.requiresGrad = value.requiresGrad;
  return copy;
}

function listOf(x: Input | readonly Input[]): readonly Input[] {
  return Array.isArray(x) ? x : [x as Input];
}

function join(prefix: string, name: string): string {
  return prefix ? `${prefix}.${name}` : name;
}
