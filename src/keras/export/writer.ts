/** Collects layers of Keras and their weights while the steps of our model are written one after the other. */
import type { TracedStep } from '../../analysis/graphof.ts';
import { toFirst, toLast } from '../axes.ts';
import { FreeNames } from '../graph.ts';
import type { Weight } from '../weights.ts';

/** A tensor of our model, and how Keras has it. */
export interface Out {
  /** Keras's [layer, call]. */
  readonly ref: readonly [layer: string, call: number];
  /** Keras's axes without the batch. */
  readonly shape: readonly number[];
  /** Whether Keras has our order of axes, or channels at the end. */
  readonly order: 'same' | 'moved';
  /** For features flattened from channels at the end: feature i of ours is Keras's `features[i]`. */
  readonly features?: Uint32Array | undefined;
  /** Whether no number can be below 0. */
  readonly positive?: boolean;
}

interface KerasEntry {
  readonly class_name: string;
  readonly config: object;
  readonly name: string;
  readonly inbound_nodes: (readonly [string, number, number, object])[][];
}

export type WeightOf = readonly [name: string, shape: readonly number[], data: Float32Array];

export class Writer {
  readonly layers: KerasEntry[] = [];
  readonly weights: Weight[] = [];
  private readonly entries = new Map<string, KerasEntry>();
  private readonly names = new FreeNames();

  input(wanted: string, shape: readonly number[], order: Out['order']): Out {
    const name = this.nameOf(wanted);
    const config = { batch_input_shape: [null, ...shape], dtype: 'float32', sparse: false, name };
    this.layers.push({ class_name: 'InputLayer', config, name, inbound_nodes: [] });
    return { ref: [name, 0], shape, order };
  }

  /**
   * A layer of Keras, or one more call of it.
   *
   * @param key the name of our layer, and a part if it becomes several of Keras's
   */
  layer(
    key: string,
    className: string,
    config: object,
    inputs: readonly Out[],
    weights: readonly WeightOf[] = [],
  ): Out['ref'] {
    let entry = this.entries.get(key);
    if (!entry) {
      const name = this.nameOf(key);
      entry = {
        class_name: className,
        config: { name, trainable: true, ...config },
        name,
        inbound_nodes: [],
      };
      this.entries.set(key, entry);
      this.layers.push(entry);
      for (const [own, shape, data] of weights) {
        this.weights.push({ name: `${name}/${own}`, shape, data: Float32Array.from(data) });
      }
    }
    entry.inbound_nodes.push(inputs.map(({ ref: [layer, call] }) => [layer, call, 0, {}] as const));
    return [entry.name, entry.inbound_nodes.length - 1];
  }

  /** The tensor with Keras's axes in the order that a layer needs. */
  ordered(key: string, value: Out, order: Out['order']): Out {
    if (value.order === order || value.shape.length < 2) return { ...value, order };
    const rank = value.shape.length + 1;
    const dims = (order === 'moved' ? toLast(rank) : toFirst(rank)).slice(1);
    const ref = this.layer(`${key}_${order}`, 'Permute', { dims }, [value]);
    return { ...value, ref, order, shape: dims.map((dim) => value.shape[dim - 1]!) };
  }

  /** A name that TensorFlow takes. */
  private nameOf(wanted: string): string {
    const name = wanted.replace(/[^A-Za-z0-9_.-]/g, '_');
    return this.names.take(/^[A-Za-z0-9.]/.test(name) ? name : `layer${name}`);
  }
}

/** A step of our model: what its writer sees. */
export interface StepOf<L> {
  readonly writer: Writer;
  readonly layer: L;
  /** The layer's name. */
  readonly name: string;
  readonly step: TracedStep;
  readonly inputs: readonly Out[];
  /** The only input. */
  readonly x: Out;
  /** Whether only Linear layers read what comes of this, so that features may change places. */
  readonly onlyLinear: boolean;
}

export function refuse(
  { layer, name }: Pick<StepOf<object>, 'layer' | 'name'>,
  why: string,
): RangeError {
  return new RangeError(`toLayersModel: ${name} (${layer}) expected what Keras has, got ${why}`);
}
