import { gunzipSync, gzipSync } from 'node:zlib';
import { readIdx } from '../../../src/data/index.ts';
import type { FileReader } from './reader.ts';

function idxFile(code: number, shape: number[], width: number): Uint8Array<ArrayBuffer> {
  const size = shape.reduce((product, extent) => product * extent, 1) * width;
  const bytes = new Uint8Array(4 + 4 * shape.length + size).fill(7);
  bytes.set([0, 0, code, shape.length]);
  const view = new DataView(bytes.buffer);
  for (const [axis, extent] of shape.entries()) view.setUint32(4 + 4 * axis, extent);
  return bytes;
}

const plain = [
  idxFile(8, [5, 4, 3], 1),
  idxFile(13, [6], 4),
  idxFile(14, [], 8),
  idxFile(11, [0, 2], 2),
];
const isGzip = (file: Uint8Array) => file[0] === 0x1f;

export const idx: FileReader = {
  name: 'readIdx',
  seeds: () => [...plain, ...plain.map((file) => Uint8Array.from(gzipSync(file)))],
  read: (bytes) => readIdx(bytes),
  bytesPerByte: 4,
  inside: {
    open: (file) => (isGzip(file) ? Uint8Array.from(gunzipSync(file)) : file),
    close: (inside, file) => (isGzip(file) ? Uint8Array.from(gzipSync(inside)) : inside),
  },
};
