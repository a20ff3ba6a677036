/** Numbers of other types: float16 to the nearest even, counters up to 2⁵³. */
import { describe, expect, it } from 'vitest';
import { BatchNorm1d, Tensor } from '../../src/index.ts';
import { loadSafetensors, saveSafetensors } from '../../src/state/index.ts';
import { halfOf, safetensorsFile } from '../fuzz/files/safetensors.ts';

/** The values after a way through float16. */
function throughHalf(values: number[]): number[] {
  const file = saveSafetensors(
    { x: { data: values, shape: [values.length] } },
    {},
    { dtype: 'F16' },
  );
  return [...loadSafetensors(file).tensors.x!.toArray()];
}

describe('F16', () => {
  it('every half-precision number comes back', () => {
    const all = Array.from({ length: 65536 }, (_, bits) => halfOf(bits));
    const back = throughHalf(all);
    for (const [bits, value] of all.entries()) {
      if (!Object.is(back[bits], value))
        throw new Error(`${bits}: ${value} came back as ${back[bits]}`);
    }
  });

  it('what is between two numbers becomes the nearer, or the even one', () => {
    const positive = Array.from({ length: 0x7bff }, (_, bits) => [halfOf(bits), halfOf(bits + 1)]);
    // 2⁻²⁰ of the distance is the smallest step that float32 makes everywhere.
    const near = (share: number) => positive.map(([a, b]) => Math.fround(a! + (b! - a!) * share));
    const lower = positive.map(([a]) => a!);
    const upper = positive.map(([, b]) => b!);
    const even = positive.map(([a, b], bits) => (bits % 2 === 0 ? a! : b!));
    expect(throughHalf(near(0.5))).toEqual(even);
    expect(throughHalf(near(0.499))).toEqual(lower);
    expect(throughHalf(near(0.501))).toEqual(upper);
    expect(throughHalf(near(0.5).map((value) => -value))).toEqual(even.map((value) => -value));
  });

  it('refuses what float16 has no number for, and keeps infinity and NaN', () => {
    expect(throughHalf([65519.996, -65519.996])).toEqual([65504, -65504]);
    expect(throughHalf([Infinity, -Infinity, Number.NaN, -0])).toEqual([
      ...[Infinity, -Infinity, Number.NaN, -0],
    ]);
    for (const value of [65520, -65536, 1e6, 3e38]) {
      expect(() => throughHalf([1, value])).toThrow(
        `saveSafetensors: x expected numbers up to 65504, which F16 holds, got ${value} at [1]`,
      );
    }
  });

  it('halves the file, and leaves counters alone', () => {
    const { running_mean: mean, num_batches_tracked: count } = new BatchNorm1d(64).stateDict();
    const file = saveSafetensors(
      { mean: mean!, num_batches_tracked: count! },
      {},
      { dtype: 'F16' },
    );
    const header = new TextDecoder().decode(file.subarray(8));
    expect(header).toContain('"mean":{"dtype":"F16","shape":[64],"data_offsets":[8,136]}');
    expect(header).toContain('"num_batches_tracked":{"dtype":"I64","shape":[]');
    expect(() => saveSafetensors({}, {}, { dtype: 'BF16' as 'F16' })).toThrow("'F32' or 'F16'");
  });
});

describe('counters', () => {
  it('are exact up to 2⁵³ on their way through a state dict and a file', () => {
    for (const count of [0, 2 ** 24 + 1, 2 ** 31, 2 ** 32 + 1, Number.MAX_SAFE_INTEGER]) {
      const bn = new BatchNorm1d(1);
      bn.numBatchesTracked!.value = count;
      const state = bn.stateDict();
      expect(state.num_batches_tracked!.item()).toBe(count);
      const { tensors } = loadSafetensors(saveSafetensors(state));
      const other = new BatchNorm1d(1);
      other.loadStateDict(tensors);
      expect(other.numBatchesTracked!.value).toBe(count);
      other.loadStateDict(JSON.parse(JSON.stringify(state)));
      expect(other.numBatchesTracked!.value).toBe(count);
      expect(tensors.num_batches_tracked!.clone().item()).toBe(count);
    }
  });

  it('must be whole', () => {
    for (const value of [0.5, Number.NaN, Infinity, 2 ** 53]) {
      expect(() => saveSafetensors({ num_batches_tracked: { data: [value], shape: [] } })).toThrow(
        'saveSafetensors: num_batches_tracked expected a whole number',
      );
    }
    const bn = new BatchNorm1d(1);
    const wrong = { ...bn.stateDict(), num_batches_tracked: { data: [2 ** 53], shape: [] } };
    expect(() => bn.loadStateDict(wrong)).toThrow('num_batches_tracked');
  });

  it('follow what is written to their tensor', () => {
    const count = new BatchNorm1d(1).stateDict().num_batches_tracked!;
    expect(count.set(5).item()).toBe(5);
    expect([...count.toArray()]).toEqual([5]);
  });
});

it('reads 64-bit numbers as exactly as float32 holds them', () => {
  const values = [0n, -1n, 16777216n, -(1n << 62n), (1n << 40n) + 1n];
  const bytes = new Uint8Array(BigInt64Array.from(values).buffer);
  const read = (dtype: string) => {
    const header = `{"x":{"dtype":"${dtype}","shape":[5],"data_offsets":[0,40]}}`;
    return [...loadSafetensors(safetensorsFile(header, bytes)).tensors.x!.toArray()];
  };
  expect(read('I64')).toEqual([0, -1, 16777216, -(2 ** 62), 2 ** 40]);
  expect(read('U64')[1]).toBe(2 ** 64);
  const pi = new Uint8Array(Float64Array.of(Math.PI).buffer);
  const header = '{"x":{"dtype":"F64","shape":[1],"data_offsets":[0,8]}}';
  const { x } = loadSafetensors(safetensorsFile(header, pi)).tensors;
  expect([...x!.toArray()]).toEqual([Math.fround(Math.PI)]);
  expect(Tensor.from(Math.PI).item()).toBe(Math.fround(Math.PI));
});
