import { isWeighted } from '../analysis/weighted.ts';
import { type NamedOutput, namedOutputs } from '../graph/names.ts';
import type { Use, Value } from '../graph/node.ts';
import type { Observer } from '../graph/observer.ts';
import type { Plan } from '../graph/plan.ts';
import { BatchNorm } from '../layers/batchnorm/base.ts';
import { Reparametrized } from '../layers/norm/reparametrized.ts';
import { CrossEntropyLoss } from '../losses/crossentropy.ts';
import type { Module } from '../module/module.ts';
import type { Parameter } from '../tensor/parameter.ts';
import { isRectifier, saturationOf, unitAxis } from './families.ts';
import { arrayOf, Gauge, normOf, type Units } from './gauge.ts';
import { History } from './history.ts';
import type { Choice } from './observe.ts';
import type { WatchOptions } from './options.ts';
import {
  PERCENTILES,
  type WatchedBatchNorm,
  type WatchedLayer,
  type WatchedParameter,
  type WatchedStep,
  type WatchReport,
} from './report.ts';
import { Updates } from './updates.ts';
import { batchNormRecord, emptyStep, inputRecord, outputRecord } from './watched.ts';

/** The options, complete. */
export type WatchSettings = Required<Pick<WatchOptions, 'every' | 'bins' | 'sample' | 'history'>> &
  Pick<{ [K in keyof WatchOptions]: WatchOptions[K] | undefined }, 'loss' | 'optimizer'>;

/** An output to watch, and the layer's own parameters with their names in the model. */
interface Chosen extends NamedOutput {
  readonly parameters: readonly [string, Parameter][];
}

/** Collects the figures of `watch`. A step is on record when its backward ends, or the next step begins. */
export class WatchObserver implements Observer {
  private steps = 0;
  private watched = 0;
  private readonly gauge: Gauge;
  private readonly history: History;
  private readonly updates = new Updates();
  private readonly chosen = new WeakMap<Plan, Map<Value, Chosen[]>>();
  private first: WatchedStep | undefined;
  private newest: WatchedStep | undefined;
  /** The step that is running. */
  private current: WatchedStep | undefined;
  private outputs: Map<Value, Chosen[]> = new Map();
  private layers = new Map<Value, WatchedLayer[]>();
  private parameters = new Map<WatchedParameter, Parameter>();
  /** Of the tensors of the running step, the moments along the axis of their units. */
  private readonly units = new Map<Value, Units>();
  private plan: Plan | undefined;
  /** The comparison of the batch norm that runs. */
  private compared: WatchedBatchNorm | undefined;

  constructor(
    private readonly model: Module,
    private readonly choice: Choice,
    /** Whether outputs that are their inputs in another shape are left out. */
    private readonly skipsViews: boolean,
    private readonly settings: WatchSettings,
  ) {
    this.gauge = new Gauge(settings.bins, settings.sample);
    this.history = new History(settings.history);
  }

  get last(): WatchedStep | undefined {
    this.settle();
    return this.newest;
  }

  report(): WatchReport {
    const { last, first } = this;
    const { every, loss } = this.settings;
    return copyOf({
      ...{ model: `${this.model}`, steps: this.steps, watched: this.watched, every },
      loss: loss ? nameOf(loss) : '',
      percentiles: PERCENTILES,
      ...{ first: first ?? null, last: last ?? null, history: this.history.series },
    }) as WatchReport;
  }

  release(): void {
    this.settle();
    this.updates.release();
    this.gauge.release();
  }

  wants(training: boolean): boolean {
    this.finish();
    this.settle();
    return training && this.steps++ % this.settings.every === 0;
  }

  begin(plan: Plan): void {
    const { lr = Number.NaN } = this.settings.optimizer ?? {};
    this.plan = plan;
    this.outputs = this.chosen.get(plan) ?? this.choose(plan);
    this.layers = new Map();
    this.parameters = new Map();
    this.units.clear();
    const step = emptyStep(this.steps, plan.inputs[0]!.shape[0] ?? 1, lr);
    for (const value of plan.inputs) {
      if (value.slot.dtype !== 'f32') continue;
      step.inputs.push(inputRecord(this.gauge, value, this.unitsOf(value)));
    }
    this.current = step;
  }

  before({ leaf, inputs: [x], output }: Use): void {
    if (!(leaf instanceof BatchNorm) || !this.outputs.has(output)) return;
    // Running statistics change in `run`, so they are compared before it.
    this.compared = batchNormRecord(leaf, x!.shape, this.unitsOf(x!, unitAxis(output)));
  }

  after({ leaf, output }: Use): void {
    const { gauge } = this;
    if (output === this.plan!.returned.values[0])
      this.current!.output = outputRecord(gauge, output);
    const names = this.outputs.get(output);
    if (!names) return;
    const { shape, slot } = output;
    const units = this.unitsOf(output);
    const largest = arrayOf(units.count, (unit) => units.max(unit));
    const common = {
      ...{ shape: [...shape], output: gauge.distribution(slot.ptr, shape, units), largest },
      largestPercentiles: gauge.percentilesOf(largest),
    };
    const activity = this.activityOf(leaf, output, units);
    const layers = names.map((chosen) => {
      const { name, module } = chosen;
      const parameters = this.parametersOf(chosen);
      const own = module.children().length === 0 ? activity : {}; // not for composites that end with it
      const batchNorm = module instanceof BatchNorm && this.compared;
      const kind = module.constructor.name;
      return {
        name,
        kind,
        ...common,
        ...own,
        parameters,
        weighted: isWeighted(module) || module instanceof Reparametrized,
        ...(batchNorm && { batchNorm }),
      };
    });
    this.layers.set(output, layers);
    this.current!.layers.push(...layers);
  }

  gradient({ output }: Use): void {
    const { ptr, length } = output.gradient!;
    const layers = this.layers.get(output);
    if (!layers) return;
    const norm = normOf(ptr, length);
    for (const layer of layers) layer.gradient = { norm, rms: norm / Math.sqrt(length) };
  }

  end(): void {
    const { current } = this;
    if (!current) return;
    const { loss } = this.settings;
    current.loss = (typeof loss === 'function' ? loss() : loss?.last) ?? Number.NaN;
    for (const [record, parameter] of this.parameters) {
      const { gradPtr, requiresGrad, size } = parameter;
      record.gradientNorm = requiresGrad && gradPtr ? normOf(gradPtr, size) : 0;
    }
    this.updates.begin(this.parameters);
    this.finish();
  }

  /** Puts the running step on record, with what is known of it. */
  private finish(): void {
    const { current } = this;
    if (!current) return;
    this.current = undefined;
    this.watched++;
    this.first ??= current;
    this.newest = current;
    this.history.add(current);
  }

  private settle(): void {
    if (this.newest && this.updates.settle()) this.history.settle(this.newest);
  }

  private choose(plan: Plan): Map<Value, Chosen[]> {
    const chosen = new Map<Value, Chosen[]>();
    const parameters = this.model.namedParameters();
    for (const named of namedOutputs(this.model, plan.outputs)) {
      const { producer } = named.value;
      if (!producer || (this.skipsViews && producer.sharing === 'view')) continue;
      if (!this.choice(named.name, named.module as Module)) continue;
      // A second output of the same layer has no parameters of its own.
      const own = named.name.includes('#') ? [] : (named.module as Module).ownParameters();
      const withNames = parameters.filter(([, parameter]) => own.includes(parameter));
      const output = { ...named, parameters: withNames };
      chosen.set(named.value, [...(chosen.get(named.value) ?? []), output]);
    }
    this.chosen.set(plan, chosen);
    return chosen;
  }

  /** The moments of a tensor that is complete now. */
  private unitsOf(value: Value, axis = unitAxis(value)): Units {
    const known = this.units.get(value);
    if (known?.count === value.shape[axis]) return known!;
    const units = this.gauge.units(value.slot.ptr, value.shape, axis);
    this.units.set(value, units);
    return units;
  }

  private activityOf(leaf: object, { slot }: Value, units: Units): Partial<WatchedLayer> {
    const share = (holds: (unit: number) => boolean): number => {
      let count = 0;
      for (let unit = 0; unit < units.count; unit++) if (holds(unit)) count++;
      return count / units.count;
    };
    const outside = (low: number, high: number) =>
      this.gauge.shareOutside(slot.ptr, slot.length, low, high);
    const saturation = saturationOf(leaf);
    if (saturation) {
      const [low, high] = saturation;
      return {
        saturated: outside(low, high),
        stuck: share((unit) => units.max(unit) <= low || units.min(unit) >= high),
      };
    }
    if (!isRectifier(leaf)) return {};
    return {
      dead: share((unit) => units.max(unit) <= 0),
      inactive: outside(0, Number.POSITIVE_INFINITY),
    };
  }

  /** Records of an output's parameters. */
  private parametersOf({ parameters }: Chosen): WatchedParameter[] {
    return parameters.map(([name, parameter]) => {
      const record: WatchedParameter = {
        ...{ name, size: parameter.size },
        norm: normOf(parameter.ptr, parameter.size),
        ...{ gradientNorm: Number.NaN, updateNorm: Number.NaN },
      };
      this.parameters.set(record, parameter);
      return record;
    });
  }
}

/** The class of a loss; a bundler may have renamed classes. */
function nameOf(loss: object): string {
  return loss instanceof CrossEntropyLoss ? 'CrossEntropyLoss' : loss.constructor.name;
}

/** A deep copy of plain data. */
function copyOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(copyOf);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([name, of]) => [name, copyOf(of)]));
}
