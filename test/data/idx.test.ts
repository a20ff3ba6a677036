import { runInNewContext } from 'node:vm';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { fromImageData, type IdxData, readIdx } from '../../src/data/index.ts';

/** An IDX file: header, then `values` written big-endian by `set`. */
function file(code: number, shape: number[], width: number, put?: (view: DataView) => void) {
  const size = shape.reduce((product, extent) => product * extent, 1);
  const bytes = new Uint8Array(4 + 4 * shape.length + size * width);
  const view = new DataView(bytes.buffer);
  bytes.set([0, 0, code, shape.length]);
  shape.forEach((extent, axis) => {
    view.setUint32(4 + 4 * axis, extent);
  });
  put?.(new DataView(bytes.buffer, 4 + 4 * shape.length));
  return bytes;
}

const images = file(8, [3, 2, 2], 1, (view) => {
  for (let i = 0; i < 12; i++) view.setUint8(i, i * 20);
});
const pixels = Uint8Array.from({ length: 12 }, (_, i) => i * 20);

describe('readIdx', () => {
  it('reads bytes, plain or gzipped, from whatever gives them', async () => {
    const expected = { shape: [3, 2, 2], data: pixels };
    const zipped = new Uint8Array(gzipSync(images));
    const inside = new Uint8Array([9, 9, 9, ...images, 9]).subarray(3, 3 + images.length);
    for (const source of [
      images,
      images.buffer,
      inside,
      zipped,
      zipped.buffer,
      new Blob([zipped]),
      new Response(images),
      new DataView(zipped.buffer),
    ]) {
      expect(await readIdx(source)).toEqual(expected);
    }
    expect((await readIdx(images)).data.buffer).not.toBe(images.buffer); // a copy
  });

  it('reads every element type, big-endian', async () => {
    const cases: [number, IdxData, (view: DataView, i: number, value: number) => void][] = [
      [8, Uint8Array.of(1, 200, 255), (view, i, value) => view.setUint8(i, value)],
      [9, Int8Array.of(1, -128, 127), (view, i, value) => view.setInt8(i, value)],
      [11, Int16Array.of(1, -300, 32767), (view, i, value) => view.setInt16(2 * i, value)],
      [12, Int32Array.of(1, -70000, 2 ** 30), (view, i, value) => view.setInt32(4 * i, value)],
      [13, Float32Array.of(0.5, -0, NaN), (view, i, value) => view.setFloat32(4 * i, value)],
      [14, Float64Array.of(0.1, -1e300, 5), (view, i, value) => view.setFloat64(8 * i, value)],
    ];
    for (const [code, data, set] of cases) {
      const bytes = file(code, [3], data.BYTES_PER_ELEMENT, (view) => {
        data.forEach((value: number, i: number) => {
          set(view, i, value);
        });
      });
      expect(await readIdx<IdxData>(bytes)).toEqual({ shape: [3], data });
    }
  });

  it('reads a single number and an empty array', async () => {
    expect(await readIdx(file(8, [], 1))).toEqual({ shape: [], data: new Uint8Array(1) });
    expect(await readIdx(file(8, [0, 28, 28], 1))).toEqual({
      shape: [0, 28, 28],
      data: new Uint8Array(0),
    });
  });

  it('says what is wrong with a file', async () => {
    const rejects = (source: unknown, message: string | RegExp, kind = RangeError) => {
      const reading = readIdx(source as Uint8Array<ArrayBuffer>);
      return Promise.all([
        expect(reading).rejects.toThrow(message),
        expect(reading).rejects.toBeInstanceOf(kind),
      ]);
    };
    const bytes = (text: string) => new TextEncoder().encode(text);
    await rejects(bytes('<!doctype html>'), 'start with 00 00, got 3c 21 64 6f');
    await rejects(new Uint8Array(0), 'got nothing');
    await rejects(images.slice(0, 10), 'header expected 16 bytes, got 10');
    await rejects(
      images.slice(0, -1),
      '[3, 2, 2] expected 28 bytes, got 27: the file may be truncated',
    );
    await rejects(new Uint8Array([...images, 0]), /expected 28 bytes, got 29$/);
    await rejects(file(7, [1], 1), 'element type expected code 8, 9, 11, 12, 13 or 14, got 7');
    await rejects(
      new Uint8Array(gzipSync(images)).slice(0, 25),
      'gzip data is damaged or truncated',
    );
    await rejects(new Response('none', { status: 404 }), 'got status 404 from the server');
    await rejects('train-images', 'expected bytes', TypeError);
    await rejects(undefined, 'got undefined', TypeError);
    const text = { arrayBuffer: async () => 'text' };
    await rejects(text, 'expected an ArrayBuffer, got the string', TypeError);
    // Extents whose product no array can have
    await rejects(file(8, [0], 1).fill(255, 4), 'expected 4294967303 bytes');
  });
});

describe('readIdx of a bomb', () => {
  // 256 MiB of zeros in 256 kB; what stands in front says how many there should be.
  const zeros = (start: Uint8Array) =>
    new Uint8Array(
      gzipSync(Buffer.concat([start, Buffer.alloc(256 << 20)], start.length + (256 << 20))),
    );

  it.each<[string, Uint8Array, string]>([
    ['12 bytes', file(8, [12], 1).slice(0, 8), '[12] expected 20 bytes, got more'],
    ['an empty array', file(8, [0, 28, 28], 1), '[0, 28, 28] expected 16 bytes, got more'],
    ['no IDX file', new Uint8Array([1, 2]), 'start with 00 00, got 01 02'],
    ['an unknown type', new Uint8Array([0, 0, 7, 1]), 'got 7'],
  ])('unpacks no more than its header says: %s', async (_, start, message) => {
    const bomb = zeros(start);
    const before = process.memoryUsage().arrayBuffers;
    const reading = readIdx(bomb);
    await expect(reading).rejects.toThrow(message);
    await expect(reading).rejects.toBeInstanceOf(RangeError);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(16 << 20);
  });

  it('reads on to the end of what is no bomb', async () => {
    const large = file(8, [300, 28, 28], 1).fill(9, 16);
    const { shape, data } = await readIdx(new Uint8Array(gzipSync(large)));
    expect(shape).toEqual([300, 28, 28]);
    expect(data).toEqual(new Uint8Array(300 * 784).fill(9));
    await expect(readIdx(new Uint8Array(gzipSync(large.slice(0, -1))))).rejects.toThrow(
      '[300, 28, 28] expected 235216 bytes, got 235215: the file may be truncated',
    );
    await expect(readIdx(new Uint8Array(gzipSync(large)).slice(0, -30))).rejects.toThrow('damaged');
  });

  it('takes shared memory and buffers of another realm', async () => {
    const shared = new SharedArrayBuffer(images.length);
    new Uint8Array(shared).set(images);
    const foreign = runInNewContext('Uint8Array.from(bytes).buffer', { bytes: [...images] });
    for (const source of [shared, new Uint8Array(shared), foreign]) {
      expect(await readIdx(source)).toEqual({ shape: [3, 2, 2], data: pixels });
    }
  });
});

describe('fromImageData', () => {
  const image = {
    width: 2,
    height: 1,
    data: Uint8ClampedArray.of(255, 0, 51, 255, 0, 102, 0, 128),
  };

  it('gives grey, colour or colour with alpha, planes apart', () => {
    expect(fromImageData(image).shape).toEqual([1, 3, 1, 2]);
    expect([...fromImageData(image, { scale: 1 }).toArray()]).toEqual([255, 0, 0, 102, 51, 0]);
    expect([...fromImageData(image, { channels: 4 }).toArray()]).toEqual(
      [1, 0, 0, 0.4, 0.2, 0, 1, 128 / 255].map(Math.fround),
    );
    expect([...fromImageData(image, { channels: 1, scale: 1 }).toArray()]).toEqual(
      [0.299 * 255 + 0.114 * 51, 0.587 * 102].map(Math.fround),
    );
  });

  it('says what is wrong with an image', () => {
    expect(() => fromImageData({ ...image, width: 3 })).toThrow(
      'fromImageData: 3 × 1 pixels expected 12 bytes, got 8',
    );
    expect(() => fromImageData(image, { channels: 2 as 1 })).toThrow('expected 1, 3 or 4, got 2');
    expect(() => fromImageData(undefined as never)).toThrow(TypeError);
  });
});
