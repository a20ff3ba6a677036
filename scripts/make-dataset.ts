/**
 * Makes data/fashion-mnist: the first 10,000 training and 2,000 test images of Fashion-MNIST as IDX
 * files, gzipped as tightly as zlib can.
 *
 *   tsx scripts/make-dataset.ts [folder with the four full files]
 *
 * The folder is Debian's (package dataset-fashion-mnist) unless given.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';

const source = process.argv[2] ?? '/usr/share/datasets/fashion-mnist';
const target = new URL('../data/fashion-mnist/', import.meta.url);

mkdirSync(target, { recursive: true });
for (const [split, count] of [
  ['train', 10_000],
  ['t10k', 2_000],
] as const) {
  for (const [name, width] of [
    [`${split}-images-idx3-ubyte.gz`, 28 * 28],
    [`${split}-labels-idx1-ubyte.gz`, 1],
  ] as const) {
    const all = gunzipSync(readFileSync(join(source, name)));
    const header = 4 + 4 * all[3]!;
    const first = all.subarray(0, header + count * width);
    first.writeUInt32BE(count, 4); // the first axis: how many samples
    writeFileSync(new URL(name, target), gzipSync(first, { level: 9, memLevel: 9 }));
  }
}
