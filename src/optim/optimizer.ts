/// <reference lib="esnext.disposable" preserve="true" />

import { allowUsing } from '../memory/dispose.ts';
import { type Block, Window } from '../memory/memory.ts';
import { checkNumber, describe, sameShape, shapeText } from '../tensor/check.ts';
import { Parameter } from '../tensor/parameter.ts';
import { type Input, inputShape, inputValues, Tensor } from '../tensor/tensor.ts';
import { allocateState, buildSpans, type Member, type Span } from './spans.ts';

/** What every optimizer's options have. */
export interface OptimizerOptions {
  /** Learning rate. */
  lr: number;
  /** Default 0 (AdamW: 0.01). */
  weightDecay: number;
}

/** Parameters with options of their own; what is left out comes from the optimizer's. */
export type GroupOptions<O> = { params: readonly Parameter[] } & Partial<O>;

/** Parameters, or groups of them. */
export type Params<O> = readonly Parameter[] | readonly GroupOptions<O>[];

/** A group as the optimizer holds it: its options are writable. */
export type Group<O> = { readonly params: readonly Parameter[] } & O;

/** A group's options by PyTorch's names (`weight_decay`), and its parameters' numbers. */
export interface GroupState {
  params: number[];
  [option: string]: unknown;
}

/** PyTorch's form of an optimizer's state: parameters by their number, moments as Tensors. */
export interface OptimizerState {
  state: Record<number, Record<string, Tensor>>;
  param_groups: GroupState[];
}

/** What `loadStateDict` takes: moments may be `{ data, shape }`, steps plain numbers. */
export interface LoadableOptimizerState {
  readonly state: Readonly<Record<number, Readonly<Record<string, Input | number | null>>>>;
  readonly param_groups: readonly Readonly<GroupState>[];
}

/** A group and what the optimizer keeps for it. */
interface Held<O> {
  readonly group: Group<O>;
  readonly members: readonly Member[];
  slots: readonly string[];
  merged: boolean;
  spans: readonly Span[];
}

/**
 * The base of the optimizers. `step()` updates each parameter that had a backward since `zeroGrad()`;
 * one that had none is skipped, moments included, and so is a frozen one.
 *
 * Moments stand in linear memory, allocated at the first step; `dispose()` (or `using`) gives them
 * back.
 */
export abstract class Optimizer<O extends OptimizerOptions = OptimizerOptions> {
  /** The groups in order; options may be written between steps. */
  readonly groups: readonly Group<O>[];
  private readonly held: readonly Held<O>[];
  private readonly blocks: Block[] = [];
  private disposed = false;

  /** @internal */
  constructor(params: Params<O>, defaults: O, options: Partial<O>) {
    allowUsing(this);
    const seen = new Set<Parameter>();
    this.groups = groupsOf(this.name, params).map((own) => {
      const group: Group<O> = { ...defaults, ...given(options), ...given(own) };
      this.check(group);
      for (const parameter of group.params) {
        if (!(parameter instanceof Parameter)) {
          throw new TypeError(
            `${this.name}: params expected Parameters, got ${describe(parameter)}`,
          );
        }
        if (seen.has(parameter)) {
          throw new RangeError(`${this.name}: the same Parameter stands in params twice`);
        }
        seen.add(parameter);
      }
      return { ...group, params: [...group.params] };
    });
    if (seen.size === 0)
      throw new RangeError(`${this.name}: params expected at least one, got none`);
    this.held = this.groups.map((group) => ({
      group,
      members: group.params.map((parameter) => {
        return { parameter, steps: 0, active: false, state: {} };
      }),
      slots: [],
      merged: true,
      spans: [],
    }));
  }

  /** The class's name, for errors. */
  protected get name(): string {
    return this.constructor.name;
  }

  /** Whether the update depends on how many there were. */
  protected get countsSteps(): boolean {
    return true;
  }

  /** Names of the moments that a group's update uses: one of a few constant arrays. */
  protected abstract slots(group: Group<O>): readonly string[];

  /** Whether zero stays zero, so that spans may run over padding. */
  protected keepsZero(_group: Group<O>): boolean {
    return true;
  }

  /** @throws RangeError for options out of range */
  protected check({ lr, weightDecay }: O): void {
    checkNumber(this.name, 'lr', lr, 0);
    checkNumber(this.name, 'weightDecay', weightDecay, 0);
  }

  /** Updates a span; `step` counts from 1. */
  protected abstract update(group: Group<O>, span: Span, step: number): void;

  /** The first group's learning rate; assigning sets all groups'. */
  get lr(): number {
    return this.groups[0]!.lr;
  }

  set lr(value: number) {
    checkNumber(this.name, 'lr', value, 0);
    for (const group of this.groups) group.lr = value;
  }

  /** Sets all gradients to zero and marks them as not computed. */
  zeroGrad(): void {
    for (const { members } of this.held) {
      for (const { parameter } of members) parameter.zeroGrad();
    }
  }

  /** Updates the parameters from their gradients. */
  step(): void {
    if (this.disposed) throw new Error(`${this.name}: step after dispose()`);
    for (const held of this.held) if (this.changed(held)) this.arrange(held);
    for (const { group, spans } of this.held) {
      for (const span of spans) {
        const step = span.members[0]!.steps + 1;
        this.update(group, span, step);
        for (const member of span.members) {
          member.steps = this.countsSteps ? step : 1;
          member.parameter.version++;
        }
      }
    }
  }

  /** Notes which members are active; whether that, or what the update uses, is new. */
  private changed(held: Held<O>): boolean {
    let changed =
      held.slots !== this.slots(held.group) || held.merged !== this.keepsZero(held.group);
    for (const member of held.members) {
      const { parameter } = member;
      const active = parameter.touched && parameter.requiresGrad && parameter.gradPtr !== 0;
      if (active !== member.active) changed = true;
      member.active = active;
    }
    return changed;
  }

  private arrange(held: Held<O>): void {
    held.spans = [];
    held.merged = this.keepsZero(held.group);
    const slots = this.slots(held.group);
    const trained = held.members.filter(({ active, parameter }) => {
      return active || (parameter.requiresGrad && !parameter.disposed);
    });
    for (const name of slots) this.reserve(trained, name);
    held.slots = slots;
    held.spans = buildSpans(held.members, slots, held.merged);
  }

  private reserve(members: readonly Member[], name: string): void {
    const block = allocateState(this, members, name);
    if (block) this.blocks.push(block);
  }

  /** Options and moments, copied, in PyTorch's form and under its names. */
  stateDict(): OptimizerState {
    const state: OptimizerState['state'] = {};
    let number = 0;
    const param_groups = this.held.map(({ group, members }) => {
      const { params: _, ...options } = group;
      const slots = this.slots(group);
      const numbers = members.map((member) => {
        if (member.steps > 0 && (this.countsSteps || slots.length > 0)) {
          state[number] = this.snapshot(member, slots);
        }
        return number++;
      });
      const named = Object.entries(options).map(([name, value]) => {
        return [snakeCase(name), Array.isArray(value) ? [...value] : value];
      });
      return { ...Object.fromEntries(named), params: numbers };
    });
    return { state, param_groups };
  }

  private snapshot(member: Member, slots: readonly string[]): Record<string, Tensor> {
    const entries: Record<string, Tensor> = this.countsSteps
      ? { step: Tensor.from(member.steps) }
      : {};
    const { shape, size } = member.parameter;
    for (const name of slots) {
      const ptr = member.state[name];
      if (ptr) entries[name] = Tensor.from(new Window(ptr, size).f32, shape);
    }
    return entries;
  }

  /**
   * Loads what `stateDict()` of this or PyTorch's optimizer of the same name gave: options, steps and
   * moments. Everything is checked first: on an error nothing is loaded.
   *
   * @throws RangeError where groups, parameters, names or shapes differ
   */
  loadStateDict(dict: LoadableOptimizerState): void {
    const who = `${this.name}.loadStateDict`;
    if (this.disposed) throw new Error(`${who}: after dispose()`);
    const groups = dict?.param_groups;
    if (!Array.isArray(groups) || typeof dict.state !== 'object') {
      throw new TypeError(`${who}: expected { state, param_groups }, got ${describe(dict)}`);
    }
    const expected = this.held.map(({ members }) => members.length).join(' + ');
    const got = groups.map(({ params }) => params?.length).join(' + ');
    if (expected !== got) {
      throw new RangeError(`${who}: expected groups of ${expected} parameters, got ${got}`);
    }
    const loads = this.held.map((held, i) => this.prepare(who, held, groups[i]!, dict.state));
    for (const [i, { members }] of this.held.entries()) {
      const { slots, entries } = loads[i]!;
      const stored = members.filter((_, k) => entries[k]);
      for (const name of slots) this.reserve(stored, name);
    }
    for (const [i, held] of this.held.entries()) {
      const { options, entries } = loads[i]!;
      Object.assign(held.group, options);
      held.slots = []; // no span built before is good any more
      for (const [k, member] of held.members.entries()) {
        const entry = entries[k];
        member.steps = entry?.steps ?? 0;
        for (const [name, ptr] of Object.entries(member.state)) {
          const { f32 } = new Window(ptr, member.parameter.size);
          const values = entry?.values[name];
          if (values) f32.set(inputValues(values));
          else f32.fill(0);
        }
      }
    }
  }

  /** One group's part of a state dict, checked and by parameter. */
  private prepare(
    who: string,
    { group, members }: Held<O>,
    { params, ...stored }: Readonly<GroupState>,
    state: LoadableOptimizerState['state'],
  ) {
    if (stored.maximize === true) throw new RangeError(`${who}: maximize is not supported`);
    const { params: _, ...own } = group;
    const options: Record<string, unknown> = { ...own };
    for (const [name, present] of Object.entries(own)) {
      const value = stored[snakeCase(name)];
      if (value === undefined) continue;
      if (typeof value !== typeof present || Array.isArray(value) !== Array.isArray(present)) {
        throw new TypeError(
          `${who}: ${snakeCase(name)} expected ${describe(present)}, got ${describe(value)}`,
        );
      }
      options[name] = Array.isArray(value) ? [...value] : value;
    }
    const loaded = options as unknown as O;
    this.check(loaded);
    const slots = this.slots({ ...loaded, params: group.params });
    const entries = members.map(({ parameter }, k) => {
      const found = state[params[k]!];
      if (!found || Object.keys(found).length === 0) return undefined;
      const where = `${who}: parameter ${params[k]}`;
      const values: Record<string, Input> = {};
      for (const name of slots) {
        const value = found[name];
        if (value === undefined || value === null) {
          if (this.countsSteps) throw new RangeError(`${where}: ${name} is missing`);
          return undefined;
        }
        const input = value as Input;
        const shape = inputShape(`${where}: ${name}`, input);
        if (!sameShape(shape, parameter.shape)) {
          throw new RangeError(
            `${where}: ${name} expected ${shapeText(parameter.shape)}, got ${shapeText(shape)}`,
          );
        }
        values[name] = input;
      }
      return { steps: this.countsSteps ? stepsOf(where, found.step) : 1, values };
    });
    return { options, slots, entries };
  }

  /** Gives the moments' memory back; the parameters stay. */
  dispose(): void {
    if (this.disposed) return;
    this.disposed = true;
    for (const held of this.held) held.spans = [];
    for (const block of this.blocks) block.release();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

function groupsOf<O>(who: string, params: Params<O>): readonly GroupOptions<O>[] {
  if (!Array.isArray(params)) {
    throw new TypeError(`${who}: params expected Parameters or groups, got ${describe(params)}`);
  }
  const grouped = params.filter((entry) => Array.isArray(entry?.params));
  if (grouped.length === 0) return [{ params: params as readonly Parameter[] } as GroupOptions<O>];
  if (grouped.length < params.length) {
    throw new TypeError(`${who}: params expected Parameters or groups { params, lr }, got both`);
  }
  return grouped as GroupOptions<O>[];
}

/** The entries that are not undefined. */
function given<T extends object>(options: T): T {
  return Object.fromEntries(Object.entries(options).filter(([, v]) => v !== undefined)) as T;
}

function stepsOf(where: string, step: unknown): number {
  const value = typeof step === 'number' ? step : inputValues(step as Input)?.[0];
  if (!Number.isSafeInteger(value) || value! < 0) {
    throw new RangeError(`${where}: step expected a whole number, got ${describe(step)}`);
  }
  return value!;
}

/** `weightDecay` → `weight_decay`, PyTorch's spelling. */
function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
