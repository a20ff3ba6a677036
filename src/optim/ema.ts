/// <reference lib="esnext.disposable" preserve="true" />

import { disposable } from '../memory/dispose.ts';
import { aligned, Block, type Pointer, releaseWithOwner, View } from '../memory/memory.ts';
import { Module, type StateDict } from '../module/module.ts';
import { extra } from '../runtime/extra.ts';
import { checkInteger, checkNumber } from '../tensor/check.ts';
import { checkFunction, checkInstance, optionsOf } from '../tensor/options.ts';
import type { Buffer, Parameter } from '../tensor/parameter.ts';
import type { Input } from '../tensor/tensor.ts';

export interface AverageOptions {
  /**
   * Whether buffers (running statistics) are averaged as well. Default false: the model's buffers are used.
   */
  buffers?: boolean;
}

export interface EMAOptions extends AverageOptions {
  /** Weight of the old average. Default 0.999. */
  decay?: number;
  /**
   * Whether early updates count more: update t = 1, 2, … uses min(decay, (1 + t)/(10 + t)). Default
   * false.
   */
  warmup?: boolean;
}

/** A parameter or buffer, and the memory of its average. */
interface Averaged {
  readonly entry: Parameter | Buffer;
  readonly average: Pointer;
}

/** An average of a model's weights in memory of its own, which can change places with them. */
export abstract class WeightAverage {
  /** Number of updates so far. */
  updates = 0;
  private readonly averaged: readonly Averaged[];
  private readonly block: Block;
  private exchanged = false;

  constructor(
    private readonly model: Module,
    buffers: boolean,
  ) {
    checkInstance(`${this.name}: model`, model, Module, 'a Module');
    disposable(this);
    const entries = [
      ...model.parameters(),
      ...(buffers ? model.namedBuffers().map(([, buffer]) => buffer) : []),
    ];
    for (const { data } of entries) data.view(); // throws after dispose(), before anything is allocated
    const bytesOf = ({ size }: Parameter | Buffer) => aligned(size * 4);
    this.block = new Block(entries.reduce((sum, entry) => sum + bytesOf(entry), 0));
    releaseWithOwner(this, this.block);
    let at: number = this.block.ptr;
    this.averaged = entries.map((entry) => {
      const average = at as Pointer;
      at += bytesOf(entry);
      new View(average, entry.size).f32.set(entry.data.view());
      return { entry, average };
    });
  }

  /** Updates the averages with the model's weights. Call it after the optimizer's step. */
  update(): void {
    this.checkUsable('update');
    if (this.exchanged) {
      throw new Error(`${this.name}: update while applied: call restore() first`);
    }
    this.updates++;
    for (const { entry, average } of this.averaged) this.include(entry, average, this.updates);
  }

  /** @internal Whether the model has the averages at present, and its own weights are kept here. */
  get applied(): boolean {
    return this.exchanged;
  }

  /** The class's name, for errors. */
  protected get name(): string {
    return this.constructor.name;
  }

  /** Updates the average of one parameter or buffer; `t` counts the updates from 1. */
  protected abstract include(entry: Parameter | Buffer, average: Pointer, t: number): void;

  /** Exchanges the model's weights for the averages, until `restore()`. */
  apply(): void {
    this.checkUsable('apply');
    if (this.exchanged) throw new Error(`${this.name}: applied twice`);
    this.exchange();
  }

  /** Puts the model's own weights back. */
  restore(): void {
    this.checkUsable('restore');
    if (!this.exchanged) throw new Error(`${this.name}: restore without apply()`);
    this.exchange();
  }

  /**
   * Calls `action` with the averages applied, restores the model's weights, and returns the result. If `action`
   * returns a promise, the weights are restored when it settles.
   */
  during<T>(action: () => T): T {
    checkFunction(`${this.name}.during: action`, action);
    this.apply();
    let pending = false;
    try {
      const result = action();
      pending = typeof (result as PromiseLike<unknown> | null)?.then === 'function';
      return pending ? (Promise.resolve(result).finally(() => this.undo()) as T) : result;
    } finally {
      if (!pending) this.undo();
    }
  }

  /**
   * The model's state dict with the averages in it, under the model's own names, so that it can be
   * loaded into a model as well; and the number of updates.
   */
  stateDict(): { updates: number; state: StateDict } {
    const { updates } = this;
    if (this.exchanged) return { updates, state: this.model.stateDict() };
    return { updates, state: this.during(() => this.model.stateDict()) };
  }

  /**
   * Loads averages; the model itself stays as it is. Entries that are not averaged are checked, but not
   * loaded.
   *
   * @throws RangeError as the model's `loadStateDict`; nothing is loaded then
   */
  loadStateDict(dict: {
    readonly updates: number;
    readonly state: Readonly<Record<string, Input>>;
  }): void {
    this.checkUsable('loadStateDict');
    const { updates, state } = dict ?? {};
    checkInteger(`${this.name}.loadStateDict`, 'updates', updates, 0);
    const applied = this.exchanged;
    if (applied) this.exchange();
    try {
      const own = this.model.stateDict();
      this.model.loadStateDict(state);
      this.exchange();
      this.exchanged = false;
      this.model.loadStateDict(own);
      this.updates = updates;
    } finally {
      if (applied) this.exchange();
    }
  }

  /** Releases the memory of the averages. If they are applied, the model's weights are restored first. */
  dispose(): void {
    if (this.block.released) return;
    this.undo();
    this.block.release();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  /** Puts the model's own weights back, if they are not there and the model was not disposed of. */
  private undo(): void {
    if (this.exchanged && !this.averaged.some(({ entry }) => entry.disposed)) this.exchange();
  }

  private exchange(): void {
    for (const { entry, average } of this.averaged) {
      extra().exchange(average, entry.ptr, 0, entry.size);
      entry.version++;
    }
    this.exchanged = !this.exchanged;
  }

  private checkUsable(method: string): void {
    if (this.block.released) {
      throw new Error(`${this.name}: ${method} after dispose()`);
    }
    if (this.averaged.some(({ entry }) => entry.disposed)) {
      throw new Error(
        `${this.name}: ${method} after dispose() of the model or a part of it: if the model ` +
          'has other parameters now, make a new average',
      );
    }
  }
}

/**
 * An exponential moving average of a model's weights, e ← decay·e + (1 − decay)·w, which starts at the
 * model's present weights (Polyak averaging; PyTorch's AveragedModel with an EMA function). It often
 * evaluates better than the weights themselves.
 *
 * ```ts
 * const average = new ExponentialMovingAverage(model, { decay: 0.99 });
 * …
 * optimizer.step();
 * average.update();
 * …
 * const { accuracy } = average.during(() => evaluate(model, test));
 * ```
 *
 * @throws RangeError for a decay outside [0, 1]
 */
export class ExponentialMovingAverage extends WeightAverage {
  private readonly decay: number;
  private readonly warmup: boolean;

  constructor(model: Module, ...rest: [options?: EMAOptions | undefined]) {
    const who = new.target.name;
    const table = { decay: 0.999, buffers: false, warmup: false };
    const { decay, buffers, warmup } = optionsOf(who, rest, table);
    checkNumber(who, 'decay', decay, 0, 1);
    super(model, buffers);
    this.decay = decay;
    this.warmup = warmup;
  }

  protected include(entry: Parameter | Buffer, average: Pointer, t: number): void {
    const decay = this.warmup ? Math.min(this.decay, (1 + t) / (10 + t)) : this.decay;
    extra().emaUpdate(average, entry.ptr, decay, 0, entry.size);
  }
}

/**
 * The mean of a model's weights over all updates, e ← e + (w − e)/t at update t: stochastic weight averaging
 * (Izmailov et al., 2018; PyTorch's `swa_utils.AveragedModel`). Update it at the end of each of the last epochs, at
 * a learning rate that stays high.
 *
 * ```ts
 * const average = new AveragedModel(model);
 * for (let epoch = 0; epoch < 30; epoch++) {
 *   …
 *   if (epoch >= 20) average.update();
 * }
 * average.apply();
 * recomputeStatistics(model, batches); // batch norm's statistics are those of other weights
 * ```
 *
 * Before the first update the average is the model's weights at construction.
 */
export class AveragedModel extends WeightAverage {
  constructor(model: Module, ...rest: [options?: AverageOptions | undefined]) {
    super(model, optionsOf(new.target.name, rest, { buffers: false }).buffers);
  }

  protected include(entry: Parameter | Buffer, average: Pointer, t: number): void {
    // What stood there before does not count, whatever it is.
    if (t === 1) new View(average, entry.size).f32.set(entry.data.view());
    else extra().averageUpdate(average, entry.ptr, t, 0, entry.size);
  }
}
