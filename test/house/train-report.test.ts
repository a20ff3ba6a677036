/** The parts of the report of `npm start`. */
import { crc32, inflateSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { recordDistributions } from '../../examples/train/distributions.ts';
import { classNames, type Data, type Images } from '../../examples/train/images.ts';
import { makeNetwork } from '../../examples/train/network.ts';
import { encodePng } from '../../examples/train/png.ts';
import {
  confusionOf,
  firstRight,
  predictionsOf,
  surestWrong,
} from '../../examples/train/predictions.ts';
import { timeText } from '../../examples/train/table.ts';
import { Linear, Tensor } from '../../src/index.ts';

describe('encodePng', () => {
  it('writes chunks with their checksums, and rows that begin with filter 0', () => {
    const pixels = Uint8Array.from({ length: 5 * 3 }, (_, i) => (i * 37) % 256);
    const png = encodePng(pixels, 5, 3);
    expect(png.subarray(0, 8).toString('latin1')).toBe('\x89PNG\r\n\x1a\n');
    const chunks: Record<string, Buffer> = {};
    for (let at = 8; at < png.length; ) {
      const length = png.readUInt32BE(at);
      const body = png.subarray(at + 4, at + 8 + length);
      expect(png.readUInt32BE(at + 8 + length)).toBe(crc32(body));
      chunks[body.toString('latin1', 0, 4)] = body.subarray(4);
      at += 12 + length;
    }
    expect(Object.keys(chunks)).toEqual(['IHDR', 'IDAT', 'IEND']);
    expect([...chunks.IHDR!]).toEqual([0, 0, 0, 5, 0, 0, 0, 3, 8, 0, 0, 0, 0]);
    const rows = inflateSync(chunks.IDAT!);
    expect(rows).toHaveLength(3 * 6);
    for (let y = 0; y < 3; y++) {
      expect([...rows.subarray(6 * y, 6 * y + 6)]).toEqual([
        0,
        ...pixels.subarray(5 * y, 5 * y + 5),
      ]);
    }
  });
});

describe('predictions', () => {
  it('are the largest class and its softmax, over all batches', () => {
    const model = new Linear(2, 3, { bias: false });
    model.weight.data.set(Float32Array.of(1, 0, 0, 1, -1, -1));
    const batches = [
      [2, 0, 0, 1],
      [-1, -2],
    ].map((values) => ({
      inputs: { data: Float32Array.from(values), shape: [values.length / 2, 2] },
      targets: new Int32Array(values.length / 2),
    }));
    const predictions = predictionsOf(model, batches);
    expect(predictions.map(({ answer }) => answer)).toEqual([0, 1, 2]);
    const softmax = (...scores: number[]) => {
      const powers = scores.map(Math.exp);
      return Math.max(...powers) / powers.reduce((a, b) => a + b);
    };
    expect(predictions[0]!.confidence).toBeCloseTo(softmax(2, 0, -2), 6);
    expect(predictions[1]!.confidence).toBeCloseTo(softmax(0, 1, -1), 6);
    expect(predictions[2]!.confidence).toBeCloseTo(softmax(-1, -2, 3), 6);
    model.dispose();
  });

  it('are counted by class and answer, and chosen for the gallery', () => {
    const targets = [3, 1, 1, 3, 2];
    const predictions = [3, 1, 2, 3, 0].map((answer, i) => ({ answer, confidence: 0.5 + i / 10 }));
    const counts = confusionOf(predictions, targets);
    expect([counts[3]![3], counts[1]![1], counts[1]![2], counts[2]![0]]).toEqual([2, 1, 1, 1]);
    expect(counts.flat().reduce((a, b) => a + b)).toBe(5);
    expect(firstRight(predictions, targets)).toEqual([1, 0]);
    expect(surestWrong(predictions, targets, 5)).toEqual([4, 2]);
    expect(surestWrong(predictions, targets, 1)).toEqual([4]);
  });
});

describe('recordDistributions', () => {
  it.each([true, false])(
    'shows what enters the ReLUs at some steps (batch norm %s)',
    (batchNorm) => {
      const network = makeNetwork({ model: 'mlp', placement: 'before', seed: 1 }, batchNorm);
      const x = Tensor.from(
        Float32Array.from({ length: 20 * 784 }, (_, i) => (i * 0.618034) % 1),
        [20, 1, 28, 28],
      );
      const names = [1, 2, 3, 4].map((i) => `${batchNorm ? 'bn' : 'layer'}${i}`);
      const recorder = recordDistributions(network, 90);
      for (let step = 1; step <= 7; step++) network.train().forward(x);
      recorder.stop();
      network.forward(x);
      const { distributions } = recorder;
      expect([...new Set(distributions.map(({ step }) => step))]).toEqual([1, 4, 7]);
      expect(distributions.map(({ layer }) => layer)).toEqual([...names, ...names, ...names]);
      expect([1, 2, 3, 4, 5].filter(recorder.records)).toEqual([1, 4]);
      for (const { layer, levels } of distributions) {
        expect(levels).toEqual([...levels].sort((a, b) => a - b));
        if (batchNorm) {
          // With initial γ and β, the batch's values have mean 0 and variance 1.
          expect(Math.abs(levels[3]!)).toBeLessThan(0.5);
          expect(levels[6]! - levels[0]!).toBeGreaterThan(2);
          expect(levels[6]! - levels[0]!).toBeLessThan(7);
        } else {
          const values = network
            .predict(x, { at: [layer] })
            [layer]!.toArray()
            .sort();
          expect(levels[0]).toBeGreaterThan(values[0]!);
          expect(levels[6]).toBeLessThan(values.at(-1)!);
          expect(levels[3]).toBeCloseTo(
            (values[values.length / 2 - 1]! + values[values.length / 2]!) / 2,
            6,
          );
        }
      }
      network.dispose();
    },
  );
});

it('classes are named by the data', () => {
  const images = (...labels: number[]) => ({ targets: Uint8Array.from(labels) }) as Images;
  const fashion = {
    train: images(9, 0, 0, 3, 0, 2, 7, 2, 5, 5, 0),
    test: images(9, 2, 1, 1, 6, 1, 4, 6, 5, 7, 4),
  } as Data;
  expect(classNames(fashion)[9]).toBe('ankle boot');
  const digits = { train: images(5, 0, 4, 1, 9, 2, 1, 3, 1, 4), test: fashion.test } as Data;
  expect(classNames(digits)).toEqual([...'0123456789']);
});

it('times are seconds, or minutes and seconds', () => {
  expect([2.44, 9.97, 59.6, 605].map(timeText)).toEqual([
    '2.4 s',
    '10 s',
    '1 min 00 s',
    '10 min 05 s',
  ]);
});
