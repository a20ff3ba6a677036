/** The weights of a layers model: a manifest of names, shapes and element types, and their bytes in shards. */
import { fromHalf } from '../state/half.ts';
import { bytesOf } from '../tensor/bytes.ts';
import { describe } from '../tensor/check.ts';
import { sizeOf } from '../tensor/shape.ts';
import { Fields, fault, kindOf, named, own } from './fields.ts';

/** A weight of the file. Its numbers are float32, whatever the file has. */
export interface Weight {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: Float32Array<ArrayBuffer>;
}

type Read = (view: DataView, at: number) => number;

/** The element types in the file: bytes, and how one is read. All are little-endian. */
const TYPES: Record<string, { bytes: number; read: Read }> = {
  float32: { bytes: 4, read: (view, at) => view.getFloat32(at, true) },
  int32: { bytes: 4, read: (view, at) => view.getInt32(at, true) },
  uint8: { bytes: 1, read: (view, at) => view.getUint8(at) },
  uint16: { bytes: 2, read: (view, at) => view.getUint16(at, true) },
  float16: { bytes: 2, read: (view, at) => fromHalf(view.getUint16(at, true)) },
  bool: { bytes: 1, read: (view, at) => view.getUint8(at) },
};

/** The shards as one array. */
export function joinShards(who: string, weights: unknown): Uint8Array {
  const list: readonly unknown[] = Array.isArray(weights) ? weights : [weights];
  const shards = list.map((shard, i) => {
    const bytes = bytesOf(shard);
    if (bytes) return bytes;
    const where = Array.isArray(weights) ? `weights[${i}]` : 'weights';
    throw new TypeError(`${who}: ${where} expected an ArrayBuffer, got ${describe(shard)}`);
  });
  if (shards.length === 1) return shards[0]!;
  const all = new Uint8Array(shards.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const shard of shards) {
    all.set(shard, at);
    at += shard.length;
  }
  return all;
}

/**
 * Reads the weights, which stand behind each other in the order of the manifest. Quantized ones are
 * value·scale + min.
 *
 * @throws RangeError for unknown types, shapes that are none, names that occur twice, and unless the shards
 *   have exactly the bytes of the manifest
 */
export function readWeights(who: string, manifest: unknown, bytes: Uint8Array): Weight[] {
  const what = `${who}: weightsManifest`;
  if (!Array.isArray(manifest)) throw fault(what, 'a list of groups', manifest);
  const entries = manifest.flatMap((group: unknown) => {
    const weights = own(group, 'weights');
    if (!Array.isArray(weights)) throw fault(`${what}: weights`, 'a list', weights);
    return weights as unknown[];
  });
  const specs = entries.map((entry) => specOf(what, entry));
  const names = new Set<string>();
  for (const { name } of specs) {
    if (names.has(name))
      throw new RangeError(`${what} expected each name once, got ${named(name)} twice`);
    names.add(name);
  }
  const total = specs.reduce((sum, { size, type }) => sum + size * type.bytes, 0);
  if (total !== bytes.length) {
    throw new RangeError(
      `${who}: weights expected ${total} bytes, which is what the manifest lists, got ${bytes.length}: ` +
        'pass all shards in the order of the manifest',
    );
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  return specs.map(({ name, shape, size, type, scale, min, round }) => {
    const data = new Float32Array(size);
    for (let i = 0; i < size; i++) {
      const value = type.read(view, at + i * type.bytes) * scale + min;
      data[i] = round ? Math.floor(value + 0.5) : value;
    }
    at += size * type.bytes;
    return { name, shape, data };
  });
}

function specOf(what: string, entry: unknown) {
  const name = own(entry, 'name');
  if (typeof name !== 'string') throw fault(`${what}: name`, 'a text', name);
  const place = `${what}: ${named(name)}`;
  const shape = own(entry, 'shape');
  const good = (extent: unknown): boolean =>
    Number.isSafeInteger(extent) && (extent as number) >= 0;
  if (!Array.isArray(shape) || shape.length > 8 || !shape.every(good)) {
    throw new RangeError(`${place}: shape expected whole numbers, got ${kindOf(shape)}`);
  }
  const dtype = own(entry, 'dtype');
  if (!['float32', 'int32', 'bool', 'uint8', 'float16'].includes(dtype as string)) {
    throw fault(`${place}: dtype`, "'float32', 'int32' or 'bool'", dtype);
  }
  const quantization = own(entry, 'quantization');
  let stored = dtype as string;
  let scale = 1;
  let min = 0;
  if (quantization !== undefined) {
    if (typeof quantization !== 'object')
      throw fault(`${place}: quantization`, 'an object', quantization);
    const fields = new Fields(`${place}: quantization`, quantization!);
    stored = fields.choice('dtype', ['uint8', 'uint16', 'float16']);
    if (stored !== 'float16') {
      if (!fields.has('scale')) throw fields.fault('scale', 'a number', undefined);
      scale = fields.number('scale', 1);
      min = fields.number('min', 0);
    }
  }
  const round = quantization !== undefined && dtype === 'int32';
  return {
    name,
    shape: shape as number[],
    size: sizeOf(shape),
    type: TYPES[stored]!,
    scale,
    min,
    round,
  };
}

/** Finds weights by layer and name, and counts which are used. */
export class WeightIndex {
  private readonly byKey = new Map<string, Weight[]>();
  private readonly used = new Set<Weight>();

  constructor(private readonly weights: readonly Weight[]) {
    for (const weight of weights) {
      for (const key of keysOf(weight.name)) {
        const others = this.byKey.get(key);
        if (others) others.push(weight);
        else this.byKey.set(key, [weight]);
      }
    }
  }

  /**
   * A weight of a layer.
   *
   * @param index its place among the layer's weights, by which Keras 3 names it
   */
  take(
    place: string,
    layer: string,
    name: string,
    index: number,
    shape: readonly number[],
  ): Float32Array {
    const found =
      this.byKey.get(`${layer}/${name}`) ?? this.byKey.get(`${layer}/vars/${index}`) ?? [];
    const exact = found.find((weight) => weight.name === `${layer}/${name}`);
    const weight = exact ?? found[0];
    if (!weight) {
      throw new RangeError(`${place}: weight ${name} expected in the manifest, got none`);
    }
    if (!exact && found.length > 1) {
      throw new RangeError(
        `${place}: weight ${name} expected once in the manifest, got ${found.length}: ` +
          found
            .slice(0, 3)
            .map(({ name }) => named(name))
            .join(', '),
      );
    }
    const { shape: got } = weight;
    if (got.length !== shape.length || got.some((extent, i) => extent !== shape[i])) {
      throw new RangeError(
        `${place}: weight ${name} expected of shape [${shape.join(', ')}], got [${got.join(', ')}]`,
      );
    }
    this.used.add(weight);
    return weight.data;
  }

  /** The shape of a weight, for what a layer does not say itself. */
  shapeOf(layer: string, name: string, index: number): readonly number[] | undefined {
    const found = this.byKey.get(`${layer}/${name}`) ?? this.byKey.get(`${layer}/vars/${index}`);
    return found?.[0]?.shape;
  }

  /** Names of weights that no layer has asked for. */
  get unused(): string[] {
    return this.weights.filter((weight) => !this.used.has(weight)).map(({ name }) => name);
  }
}

/**
 * The keys under which a weight is found: its name; without a trailing `:0`; without what stands before the
 * layer (`model/dense/kernel`); and without a scope that repeats the layer (`dense/dense/kernel`).
 */
function keysOf(name: string): Set<string> {
  const bare = name.replace(/:\d+$/, '');
  const parts = bare.split('/').slice(-6);
  const keys = new Set([name, bare]);
  const last = parts.at(-1)!;
  const numbered = parts.at(-2) === 'vars';
  const end = numbered ? `vars/${last}` : last;
  const layers = parts.slice(0, numbered ? -2 : -1);
  for (let i = 0; i < layers.length; i++) {
    keys.add([...layers.slice(i), end].join('/'));
    keys.add([...layers.slice(0, i + 1), end].join('/'));
  }
  return keys;
}
