/// <reference lib="esnext.disposable" preserve="true" />

import { disposable } from '../memory/dispose.ts';
import { Block, type Pointer, releaseWithOwner, View } from '../memory/memory.ts';
import { type Layout, writeStructAt } from '../memory/struct.ts';
import { snakeCase } from '../module/held.ts';
import { kernels } from '../runtime/engine.ts';
import { checkNumber, unexpected } from '../tensor/check.ts';
import { checkCount, checkInstance, optionsOf } from '../tensor/options.ts';
import { Parameter } from '../tensor/parameter.ts';
import { Tensor } from '../tensor/tensor.ts';
import { allocateMoments, type Member } from './moments.ts';
import {
  entryOf,
  type GroupState,
  type LoadableOptimizerState,
  type OptimizerState,
  partsOf,
} from './statedict.ts';

/** The size of the struct of scalars, enough for every optimizer's. */
const SCALAR_BYTES = 128;

/** What every optimizer's options have. */
export interface OptimizerOptions {
  /** Learning rate. */
  lr: number;
  /** Default 0 (AdamW: 0.01). */
  weightDecay: number;
  /** Whether the objective is maximized: the gradient counts with its sign changed. Default false. */
  maximize?: boolean;
}

/** Parameters with options of their own; options that are left out come from the optimizer. */
export type GroupOptions<O> = { params: readonly Parameter[] } & Partial<O>;

/** Parameters, or groups of them. */
export type Params<O> = readonly Parameter[] | readonly GroupOptions<O>[];

/** A group as the optimizer holds it: its options are writable. */
export type Group<O> = { readonly params: readonly Parameter[] } & O;

/** A group and what the optimizer keeps for its parameters. */
interface Held<O> {
  readonly group: Group<O>;
  readonly members: readonly Member[];
}

/**
 * The base of the optimizers. `step()` updates each parameter that had a backward, or whose `grad` was set, since
 * `zeroGrad()`. Other parameters and frozen ones are skipped, moments included.
 *
 * Moments are in linear memory, allocated at the first step; `dispose()` (or `using`) releases them.
 *
 * To write your own optimizer, return from `moments` the names of the arrays that it keeps for a parameter,
 * each as long as the parameter and zero at first (or `initial`), and call in `update` the kernel that updates one
 * parameter. The base counts the steps of each parameter. Moments and steps are all that `stateDict()`
 * stores. An optimizer may also keep numbers as state, one of a name for each parameter: `numbers` returns their
 * names and first values, and `update` reads and writes `member.numbers`. They are stored as float32. Numbers that
 * follow from the step count, as Adam's 1 − βᵗ does, need not be kept. Kernels
 * keep nothing between calls. Arithmetic on such numbers uses + − × ÷ and `Math.sqrt`, and
 * `common().powF64` for powers: `**` and `Math.pow` are rounded differently by different engines.
 */
export abstract class Optimizer<O extends OptimizerOptions = OptimizerOptions> {
  /** The groups in order; options may be written between steps. */
  readonly groups: readonly Group<O>[] = [];
  private readonly held: Held<O>[] = [];
  /** What a group has that does not say otherwise. */
  private readonly common: O;
  private readonly blocks: Block[] = [];
  private scalarBlock: Block | undefined;
  private disposed = false;

  /** @internal */
  constructor(params: Params<O>, defaults: O, ...rest: [options?: Partial<O> | undefined]) {
    disposable(this);
    const { name } = this;
    this.common = optionsOf(name, rest, { ...defaults, maximize: false }) as O;
    this.add(groupsOf(name, params));
    if (!this.groups.some((group) => group.params.length > 0)) {
      throw new RangeError(`${name}: params expected at least one, got none`);
    }
  }

  /**
   * Adds a group of parameters, for example of layers that were frozen until now. Options that are left out
   * come from the optimizer, as at construction. A schedule takes the group's `lr` as its base from the
   * next `step()` on.
   *
   * ```ts
   * optimizer.addParamGroup({ params: backbone.parameters(), lr: 1e-4 });
   * ```
   *
   * @throws RangeError for a Parameter that the optimizer has already, and for options out of range; nothing is
   *   added then
   */
  addParamGroup(group: GroupOptions<O>, ...rest: []): void {
    const who = `${this.name}.addParamGroup`;
    if (this.disposed) throw new Error(`${who}: after dispose()`);
    checkCount(who, rest);
    if (!Array.isArray(group?.params)) {
      throw unexpected(`${who}: group`, 'a group { params, lr }', group);
    }
    this.add([group]);
  }

  /** Checks all groups, then adds them. */
  private add(groups: readonly GroupOptions<O>[]): void {
    const { name } = this;
    const seen = new Set(this.groups.flatMap(({ params }) => params));
    const added = groups.map((own) => {
      const table = { params: undefined, ...this.common };
      const group = optionsOf<object>(name, [own], table) as Group<O>;
      this.check(group);
      for (const parameter of group.params) {
        checkInstance(`${name}: params`, parameter, Parameter, 'Parameters');
        if (seen.has(parameter)) {
          throw new RangeError(`${name}: the same Parameter stands in params twice`);
        }
        seen.add(parameter);
      }
      return { ...group, params: [...group.params] };
    });
    for (const group of added) {
      (this.groups as Group<O>[]).push(group);
      const members = group.params.map((parameter) => {
        return { parameter, steps: 0, moments: {}, numbers: {} };
      });
      this.held.push({ group, members });
    }
  }

  /** The class's name, for errors. */
  protected get name(): string {
    return this.constructor.name;
  }

  /** Whether the update depends on the number of updates so far. */
  protected get countsSteps(): boolean {
    return true;
  }

  /** PyTorch's names of the moments that a group's update uses. */
  protected abstract moments(group: Group<O>): readonly string[];

  /** What a group's new moment of this name is filled with. */
  protected initial(_group: Group<O>, _name: string): number {
    return 0;
  }

  /** PyTorch's names of the numbers that an update keeps for a parameter, and their first values. */
  protected get numbers(): Readonly<Record<string, number>> {
    return {};
  }

  /** Whether parameters have a state before their first update. */
  protected get startsFilled(): boolean {
    return false;
  }

  /** Names of all moments that some options use. They are kept and stored while other options do not use them. */
  protected get allMoments(): readonly string[] {
    return [];
  }

  /** @throws RangeError for options out of range */
  protected check({ lr, weightDecay }: O): void {
    checkNumber(this.name, 'lr', lr, 0);
    checkNumber(this.name, 'weightDecay', weightDecay, 0);
  }

  /** Called before a group's updates, to write the scalars that they share (`writeScalars`). */
  protected prepare(_group: Group<O>): void {}

  /** Updates one parameter; `step` counts its updates from 1. */
  protected abstract update(group: Group<O>, member: Member, step: number): void;

  /** Writes a struct of scalars for kernels. It is valid until the next one is written. */
  protected writeScalars<T, Name extends string>(
    layout: Layout<T, Name>,
    values: T,
  ): Pointer<Name> {
    this.scalarBlock ??= this.own(new Block(SCALAR_BYTES));
    return writeStructAt(this.scalarBlock.ptr, layout, values);
  }

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

  /**
   * Updates the parameters from their gradients.
   *
   * @throws RangeError for options out of range, or if memory cannot grow for the moments; nothing is updated then
   */
  step(): void {
    if (this.disposed) throw new Error(`${this.name}: step after dispose()`);
    for (const { group } of this.held) this.check(group);
    const updated = this.held.map(({ members }) =>
      members.filter(({ parameter }) => parameter.hasGradient),
    );
    // All memory first: if it cannot grow that far, nothing is updated.
    for (const [i, { group }] of this.held.entries()) {
      for (const name of this.moments(group)) this.reserve(group, updated[i]!, name);
    }
    for (const [i, { group }] of this.held.entries()) {
      const filled = this.moments(group).length > 0;
      this.prepare(group);
      for (const member of updated[i]!) {
        const step = member.steps + 1;
        const { gradPtr, size } = member.parameter;
        const turn = () => group.maximize && kernels().scaleInPlace(gradPtr, -1, 0, size);
        turn();
        this.update(group, member, step);
        turn();
        if (this.countsSteps) member.steps = step;
        else if (filled) member.steps = 1;
        member.parameter.version++;
      }
    }
  }

  private reserve(group: Group<O>, members: readonly Member[], name: string): void {
    this.scalarBlock ??= this.own(new Block(SCALAR_BYTES));
    const block = allocateMoments(members, name, this.initial(group, name));
    if (block) this.own(block);
  }

  /** Registers a block to be released by `dispose`, or when the optimizer is garbage-collected. */
  private own(block: Block): Block {
    releaseWithOwner(this, block);
    this.blocks.push(block);
    return block;
  }

  /** Options and moments, copied, in PyTorch's form and under its names. */
  stateDict(): OptimizerState {
    const state: OptimizerState['state'] = {};
    let number = 0;
    const param_groups = this.held.map(({ group, members }) => {
      const { params: _, ...options } = group;
      const names = this.moments(group);
      const numbers = members.map((member) => {
        if (member.steps > 0 || this.startsFilled) {
          state[number] = this.snapshot(group, member, names);
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

  private snapshot(
    group: Group<O>,
    member: Member,
    names: readonly string[],
  ): Record<string, Tensor> {
    const entries: Record<string, Tensor> = this.countsSteps
      ? { step: Tensor.from(member.steps) }
      : {};
    for (const [name, first] of Object.entries(this.numbers)) {
      entries[name] = Tensor.from(member.numbers[name] ?? first);
    }
    const { shape, size } = member.parameter;
    for (const [name, ptr] of Object.entries(member.moments)) {
      entries[name] = Tensor.from(new View(ptr, size).f32, shape);
    }
    // Those that an option asks for since the last update.
    for (const name of names) {
      entries[name] ??= Tensor.from(new Float32Array(size).fill(this.initial(group, name)), shape);
    }
    return entries;
  }

  /**
   * Loads what `stateDict()` of this or PyTorch's optimizer of the same name gave: options, steps and
   * moments. Everything is checked first: on an error nothing is loaded.
   *
   * @throws RangeError if groups, parameters, names or shapes differ
   */
  loadStateDict(dict: LoadableOptimizerState): void {
    const who = `${this.name}.loadStateDict`;
    if (this.disposed) throw new Error(`${who}: after dispose()`);
    const { state, groups } = partsOf(who, dict);
    const expected = this.held.map(({ members }) => members.length).join(' + ');
    const got = groups.map(({ params }) => params.length).join(' + ');
    if (expected !== got) {
      throw new RangeError(`${who}: expected groups of ${expected} parameters, got ${got}`);
    }
    const loads = this.held.map((held, i) => this.checked(who, held, groups[i]!, state));
    for (const [i, { group, members }] of this.held.entries()) {
      const { entries } = loads[i]!;
      const names = new Set(entries.flatMap((entry) => Object.keys(entry?.values ?? {})));
      for (const name of names) {
        this.reserve(
          group,
          members.filter((_, k) => entries[k]?.values[name]),
          name,
        );
      }
    }
    for (const [i, { group, members }] of this.held.entries()) {
      const { options, entries } = loads[i]!;
      Object.assign(group, options);
      for (const [k, member] of members.entries()) {
        const entry = entries[k];
        member.steps = entry?.steps ?? 0;
        for (const name of Object.keys(this.numbers)) {
          const value = entry?.numbers[name];
          if (value === undefined) delete member.numbers[name];
          else member.numbers[name] = value;
        }
        for (const [name, ptr] of Object.entries(member.moments)) {
          const { f32 } = new View(ptr, member.parameter.size);
          const values = entry?.values[name];
          if (values) f32.set(values);
          else f32.fill(this.initial(group, name));
        }
      }
    }
  }

  /** One group's part of a state dict, checked and by parameter. */
  private checked(
    who: string,
    { group, members }: Held<O>,
    { params, ...stored }: Readonly<GroupState>,
    state: LoadableOptimizerState['state'],
  ) {
    const { params: _, ...own } = group;
    const named = Object.keys(own).map((name) => [name, stored[snakeCase(name)]]);
    const options = optionsOf(who, [Object.fromEntries(named) as object], own as object);
    const loaded = options as unknown as O;
    this.check(loaded);
    const names = this.moments({ ...loaded, params: group.params });
    const entries = members.map(({ parameter }, k) => {
      const number = params[k]!;
      const where = `${who}: parameter ${number}`;
      const { shape } = parameter;
      const numbers = Object.keys(this.numbers);
      const others = this.allMoments;
      return entryOf(where, state[number], shape, names, others, numbers, this.countsSteps);
    });
    return { options, entries };
  }

  /** Releases the memory of the moments; the parameters stay. */
  dispose(): void {
    if (this.disposed) return;
    this.disposed = true;
    for (const block of this.blocks) block.release();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

function groupsOf<O>(who: string, params: Params<O>): readonly GroupOptions<O>[] {
  if (!Array.isArray(params)) {
    throw unexpected(`${who}: params`, 'model.parameters() or groups', params);
  }
  const grouped = params.filter((entry) => Array.isArray(entry?.params));
  if (grouped.length === 0) return [{ params: params as readonly Parameter[] } as GroupOptions<O>];
  if (grouped.length < params.length) {
    throw new TypeError(`${who}: params expected Parameters or groups { params, lr }, got both`);
  }
  return grouped as GroupOptions<O>[];
}
