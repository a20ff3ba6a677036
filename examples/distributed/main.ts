/**
 * A model from here, trained by PyTorch in two processes, and back:
 *
 *   npx tsx main.ts [FOLDER]
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';
import {
  accuracy,
  BatchNorm2d,
  Conv2d,
  Flatten,
  Linear,
  MaxPool2d,
  type Module,
  manualSeed,
  ReLU,
  Sequential,
} from 'evenkeel';
import { readIdx } from 'evenkeel/data';
import { loadModel, saveModel, saveSafetensors, toPyTorch } from 'evenkeel/state';

/** The images of a file as [N, 1, 28, 28] in [0, 1], and their labels. */
async function read(folder: string, name: string, most: number) {
  const file = (kind: string) => readIdx(readFileSync(`${folder}/${name}-${kind}-ubyte.gz`));
  const [images, labels] = [await file('images-idx3'), await file('labels-idx1')];
  const n = Math.min(most, images.shape[0]!);
  const pixels = Float32Array.from(
    images.data.subarray(0, n * 784),
    (value) => Number(value) / 255,
  );
  return {
    images: { data: pixels, shape: [n, 1, 28, 28] },
    labels: { data: Float32Array.from(labels.data.subarray(0, n), Number), shape: [n] },
  };
}

export function network(): Module {
  manualSeed(1);
  return new Sequential(
    new Conv2d(1, 8, 5, { padding: 2, bias: false }),
    new BatchNorm2d(8),
    new ReLU(),
    new MaxPool2d(2),
    new Conv2d(8, 16, 5, { padding: 2, bias: false }),
    new BatchNorm2d(16),
    new ReLU(),
    new MaxPool2d(2),
    new Flatten(),
    new Linear(16 * 49, 10),
  );
}

/** The accuracy that PyTorch reported, and that of the model that came back. */
export async function roundTrip(
  folder: string,
  data: string,
  { samples = 10_000, python = 'python3' } = {},
): Promise<{ reported: number; measured: number; trained: Module }> {
  mkdirSync(folder, { recursive: true });
  const train = await read(data, 'train', samples);
  const test = await read(data, 't10k', 2000);
  // There: the source, the weights and the data.
  const model = network();
  writeFileSync(`${folder}/net.py`, toPyTorch(model));
  writeFileSync(`${folder}/model.safetensors`, saveModel(model));
  const tensors = { ...train, test_images: test.images, test_labels: test.labels };
  writeFileSync(`${folder}/data.safetensors`, saveSafetensors(tensors));
  const script = fileURLToPath(new URL('train.py', import.meta.url));
  execFileSync(python, ['-B', script, folder, '--processes', '2'], { stdio: 'inherit' });
  // And back: the file has the description that saveModel wrote, and new weights.
  const trained = loadModel(readFileSync(`${folder}/trained.safetensors`));
  const { accuracy: reported } = JSON.parse(readFileSync(`${folder}/report.json`, 'utf8'));
  const measured = accuracy(trained.predict(test.images), test.labels.data);
  return { reported, measured, trained };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const data = fileURLToPath(new URL('../../data/fashion-mnist', import.meta.url));
  const { reported, measured } = await roundTrip(process.argv[2] ?? 'out/distributed', data);
  console.log(`PyTorch's accuracy ${reported}, ours ${measured}`);
}
