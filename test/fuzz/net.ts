/**
 * Random networks as data, so that three readers can make the same one: evenkeel (`makeNet`), the float64
 * interpreter (interpreter/) and PyTorch (torch/answers.py).
 */
import * as evenkeel from '../../src/index.ts';
import { Square } from './square.ts';

/** A layer: its class, the arguments and options of its constructor, and what it contains. */
export interface LayerSpec {
  readonly kind: string;
  readonly args: readonly unknown[];
  readonly options?: Readonly<Record<string, unknown>>;
  /** Of `Sequential`, `Residual`, `WeightNorm` and `SpectralNorm`. */
  readonly inside?: readonly LayerSpec[];
  /** Batch norm's `frozenStatistics`. */
  readonly frozen?: boolean;
}

/** Value 0 of a network is its input, and step i makes value i + 1. The last is the output. */
export interface Step {
  readonly layer: number;
  readonly inputs: readonly number[];
}

export interface NetSpec {
  readonly layers: readonly LayerSpec[];
  readonly steps: readonly Step[];
}

/** A composite that follows a list of steps. A layer may stand in several of them. */
export class Net extends evenkeel.Module {
  layers: evenkeel.Module[];
  steps: Step[];

  constructor(layers: evenkeel.Module[], steps: readonly Step[]) {
    super();
    this.layers = layers;
    this.steps = [...steps];
  }

  override forward(x: evenkeel.Input): evenkeel.Tensor {
    const values = [x as evenkeel.Tensor];
    for (const { layer, inputs } of this.steps) {
      const given = inputs.map((i) => values[i]!);
      values.push(this.layers[layer]!.forward(given.length === 1 ? given[0]! : given));
    }
    return values.at(-1)!;
  }
}

export function makeNet({ layers, steps }: NetSpec): Net {
  return new Net(layers.map(makeLayer), steps);
}

const names: Readonly<Record<string, unknown>> = { ...evenkeel };

/** A public class or function by its name. */
export function publicName<T>(name: string): T {
  return names[name] as T;
}

type Constructor = new (...args: unknown[]) => evenkeel.Module;

/** @throws what the layer's constructor throws */
export function makeLayer({
  kind,
  args,
  options,
  inside = [],
  frozen,
}: LayerSpec): evenkeel.Module {
  const Kind = kind === 'Square' ? Square : publicName<Constructor>(kind);
  const layer = new Kind(...inside.map(makeLayer), ...args, ...(options ? [options] : []));
  if (frozen) (layer as evenkeel.BatchNorm1d).frozenStatistics = true;
  return layer;
}
