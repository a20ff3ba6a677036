import { describe, expect, it } from 'vitest';
import { loadSafetensors, saveSafetensors } from '../../src/state/index.ts';
import { Tensor } from '../../src/tensor/tensor.ts';

const state = {
  '0.weight': Tensor.from([
    [1, -0, Number.NaN],
    [Infinity, 1e-45, -3.5],
  ]),
  '1.num_batches_tracked': Tensor.from(600),
  '1.running_mean': { data: [0.5, 0.25], shape: [2] },
};

/** A file with a header of one's own. */
function file(header: unknown, body: number[]) {
  const text = new TextEncoder().encode(JSON.stringify(header));
  const bytes = new Uint8Array(8 + text.length + body.length);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true);
  bytes.set(text, 8);
  bytes.set(body, 8 + text.length);
  return bytes;
}

describe('safetensors', () => {
  it('gives back every bit', () => {
    const bytes = saveSafetensors(state, { epochs: '3' });
    const { tensors, metadata } = loadSafetensors(bytes);
    expect(metadata).toEqual({ epochs: '3' });
    expect(Object.keys(tensors).sort()).toEqual(Object.keys(state).sort());
    expect(tensors['0.weight']!.shape).toEqual([2, 3]);
    const bits = (tensor: Tensor) => new Uint32Array(tensor.toArray().buffer);
    expect(bits(tensors['0.weight']!)).toEqual(bits(state['0.weight']));
    expect(tensors['1.num_batches_tracked']!.shape).toEqual([]);
    expect(tensors['1.num_batches_tracked']!.item()).toBe(600);
    expect([...tensors['1.running_mean']!.toArray()]).toEqual([0.5, 0.25]);
    const inside = new Uint8Array([7, ...bytes, 7]).subarray(1, 1 + bytes.length);
    expect(bits(loadSafetensors(inside).tensors['0.weight']!)).toEqual(bits(state['0.weight']));
    expect(loadSafetensors(bytes.buffer).metadata).toEqual(metadata);
  });

  it('writes what the format says', () => {
    const bytes = saveSafetensors(state);
    const view = new DataView(bytes.buffer);
    const length = Number(view.getBigUint64(0, true));
    expect(length % 8).toBe(0);
    expect(JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)))).toEqual({
      '1.num_batches_tracked': { dtype: 'I64', shape: [], data_offsets: [0, 8] },
      '0.weight': { dtype: 'F32', shape: [2, 3], data_offsets: [8, 32] },
      '1.running_mean': { dtype: 'F32', shape: [2], data_offsets: [32, 40] },
    });
    expect(bytes.length).toBe(8 + length + 40);
    expect(saveSafetensors(state)).toEqual(bytes);
  });

  it('reads the other element types', () => {
    const cases: [string, number[], number[]][] = [
      ['F64', [0, 0, 0, 0, 0, 0, 0xf8, 0x3f], [1.5]],
      [
        'F16',
        [0x00, 0x3c, 0x00, 0xc5, 0x01, 0x00, 0x00, 0x7c, 0xff, 0x7b],
        [1, -5, 2 ** -24, Infinity, 65504],
      ],
      ['BF16', [0x80, 0x3f, 0x20, 0xc1], [1, -10]],
      ['I64', [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], [-1]],
      ['I32', [0, 1, 0, 0], [256]],
      ['I16', [0xfe, 0xff], [-2]],
      ['I8', [0x80, 3], [-128, 3]],
      ['U8', [0x80, 3], [128, 3]],
      ['BOOL', [1, 0], [1, 0]],
    ];
    for (const [dtype, body, values] of cases) {
      const entry = { dtype, shape: [values.length], data_offsets: [0, body.length] };
      const { tensors } = loadSafetensors(file({ x: entry }, body));
      expect([...tensors.x!.toArray()], dtype).toEqual(values);
    }
  });

  it('says what is wrong with a file', () => {
    const fails = (bytes: unknown, message: string, kind = RangeError) => {
      const load = () => loadSafetensors(bytes as Uint8Array);
      expect(load).toThrow(message);
      expect(load).toThrow(kind);
    };
    const whole = saveSafetensors(state);
    fails(
      new Uint8Array(3),
      'not a safetensors file, or truncated: expected at least 8 bytes, got 3',
    );
    fails(whole.slice(0, 40), 'truncated: expected 216 bytes, got 40');
    fails(
      whole.slice(0, -1),
      '1.running_mean: expected a file of at least 256 bytes, got 255: it is truncated',
    );
    fails(
      new Uint8Array(64).fill(1, 8).fill(8, 0, 1),
      'header expected to begin with {, got the number 1',
    );
    const entry = { dtype: 'F32', shape: [1], data_offsets: [0, 4] };
    fails(file({ x: { ...entry, dtype: 'F8_E4M3' } }, [0]), 'x: dtype expected one of F64, F32');
    fails(
      file({ x: { ...entry, data_offsets: [0, 8] } }, [0, 0, 0, 0, 0, 0, 0, 0]),
      'data_offsets of [1] F32 expected 4 bytes, got 8, from 0 to 8',
    );
    fails(
      file({ x: { ...entry, shape: [-1] } }, [0, 0, 0, 0]),
      'x: shape expected whole numbers ≥ 0, got the number -1',
    );
    fails(file({ x: null }, []), 'x: expected an object, got null');
    fails('file', 'expected an ArrayBuffer or Uint8Array', TypeError);
    expect(() => saveSafetensors({ x: { data: [1], shape: [2] } })).toThrow(
      'saveSafetensors: x: shape [2] expected 2 elements, got 1',
    );
  });
});
