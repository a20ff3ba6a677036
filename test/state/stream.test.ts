import { createReadStream } from 'node:fs';
import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { Tensor } from '../../src/index.ts';
import {
  type ByteStream,
  readSafetensors,
  safetensorsChunks,
  saveSafetensors,
} from '../../src/state/index.ts';
import { TestRandom } from '../support/random.ts';

const random = new TestRandom(3);
const state = {
  'fc.weight': Tensor.from(random.normals(5000), [50, 100]),
  'bn.num_batches_tracked': Tensor.from(7),
  empty: Tensor.zeros([0, 2]),
  'fc.bias': Tensor.from(random.normals(50)),
};
const metadata = { epochs: '3' };
const file = saveSafetensors(state, metadata);

/** The file in pieces of random sizes, 0 too, from a buffer that is used again for each. */
async function* pieces(): AsyncGenerator<Uint8Array> {
  const buffer = new Uint8Array(700);
  for (let at = 0; at < file.length; ) {
    const size = random.integer(2) ? random.integer(4) : random.integer(700);
    const piece = buffer.subarray(0, Math.min(size, file.length - at));
    piece.set(file.subarray(at, at + piece.length));
    at += piece.length;
    yield piece;
  }
}

async function expectRead(source: ByteStream): Promise<void> {
  const { tensors, metadata: kept } = await readSafetensors(source);
  expect(kept).toEqual(metadata);
  expect(Object.keys(tensors).sort()).toEqual(Object.keys(state).sort());
  for (const [name, tensor] of Object.entries(state)) {
    expect(tensors[name]!.shape).toEqual(tensor.shape);
    expect(tensors[name]!.toArray()).toEqual(tensor.toArray());
  }
}

it('readSafetensors reads whatever gives bytes', async () => {
  for (let i = 0; i < 20; i++) await expectRead(pieces());
  await expectRead(new Response(file));
  await expectRead(new Blob([file.slice(0, 11), file.slice(11)]));
  await expectRead(new Blob([file]).stream());
  await expectRead([...file].map((byte) => Uint8Array.of(byte)));
  await expectRead(file);
  await expectRead(file.buffer);
  await expectRead(safetensorsChunks(state, metadata));
  const path = join(await mkdtemp(join(tmpdir(), 'evenkeel-')), 'model.safetensors');
  await writeFile(path, safetensorsChunks(state, metadata));
  expect(new Uint8Array(await readFile(path))).toEqual(file);
  await expectRead(createReadStream(path, { highWaterMark: 1000 }));
});

it('safetensorsChunks gives the bytes of saveSafetensors, and checks before the first', () => {
  for (const dtype of ['F32', 'F16'] as const) {
    const chunks = [...safetensorsChunks(state, metadata, { dtype })];
    expect(chunks).toHaveLength(4); // nothing for the empty tensor
    expect(new Uint8Array(Buffer.concat(chunks))).toEqual(
      saveSafetensors(state, metadata, { dtype }),
    );
  }
  expect(() => safetensorsChunks({ x: { data: [1], shape: [2] } })).toThrow(
    'safetensorsChunks: x: shape [2] expected 2 elements, got 1',
  );
});

it('readSafetensors ends a stream that it refuses', async () => {
  const ended: string[] = [];
  const endless = async function* () {
    try {
      while (true) yield new Uint8Array(8).fill(255);
    } finally {
      ended.push('iterable');
    }
  };
  await expect(readSafetensors(endless())).rejects.toThrow('readSafetensors: not a safetensors');
  const stream = new ReadableStream({
    pull: (controller) => controller.enqueue(file), // again and again
    cancel: () => {
      ended.push('stream');
    },
  });
  await expect(readSafetensors(stream)).rejects.toThrow('something stands behind the tensors');
  expect(ended).toEqual(['iterable', 'stream']);
});

it('readSafetensors says what is wrong with a source', async () => {
  const fails = async (source: unknown, message: string, kind = TypeError) => {
    const reading = readSafetensors(source as ByteStream);
    await expect(reading).rejects.toThrow(message);
    await expect(reading).rejects.toBeInstanceOf(kind);
  };
  await fails('model.safetensors', 'expected a stream of bytes');
  await fails(undefined, 'got undefined');
  await fails(['text'], 'expected pieces that are bytes, got the string text');
  await fails([3], 'got the number 3');
  await fails(new Response('none', { status: 404 }), 'got status 404', RangeError);
  await fails(new Response(null), 'expected at least 8 bytes, got 0', RangeError);
  const used = new Response(file);
  await used.arrayBuffer();
  await fails(used, 'expected a stream that nobody has read');
  const locked = new Blob([file]).stream();
  locked.getReader();
  await fails(locked, 'expected a stream that nobody has read');
  const broken = new ReadableStream({
    start: (controller) => controller.error(new Error('cable')),
  });
  await fails(broken, 'cable', Error);
  const numbers = new ReadableStream({ start: (controller) => controller.enqueue(3) });
  await fails(numbers, 'got the number 3');
});
