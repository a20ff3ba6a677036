/** Trains the selected networks one after the other, then prints and writes the results. */
import { mkdir, writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { summary } from 'evenkeel';
import { saveSafetensors } from 'evenkeel/state';
import { useThreads } from 'evenkeel/threads';
import { classNames, readImages } from './images.ts';
import { makeNetwork } from './network.ts';
import type { Options } from './options.ts';
import { makeProgress, percent } from './progress.ts';
import { reportOf } from './report.ts';
import { tableOf, tableText, timeText } from './table.ts';
import { type Result, train } from './train.ts';

export async function run(options: Options): Promise<void> {
  const started = performance.now();
  const data = await readImages(options);
  const { model, epochs, batch, lr, optimizer, schedule, seed, placement, out } = options;
  const conditions = {
    network: model,
    'batch normalization': `${placement} the activation`,
    images: `${data.train.targets.length} + ${data.test.targets.length}`,
    epochs: `${epochs}`,
    batch: `${batch}`,
    optimizer: `${optimizer}, lr ${lr}, ${schedule}`,
    seed: `${seed}`,
  };
  await mkdir(out, { recursive: true });
  const threads = await useThreads(options.threads);
  if (threads.reason) console.log(`one thread: ${threads.reason}`);

  const results: Result[] = [];
  for (const batchNorm of options.batchNorm === 'both'
    ? [true, false]
    : [options.batchNorm === 'on']) {
    const name = batchNorm ? 'with batch norm' : 'without batch norm';
    const network = makeNetwork(options, batchNorm);
    if (results.length === 0) console.log(`${summary(network, [batch, 1, 28, 28])}\n`);
    const progress = makeProgress(name);
    try {
      results.push(await train(name, network, data, options, progress.tell));
    } finally {
      progress.stop();
    }
    const accuracy = percent(results.at(-1)!.epochs.at(-1)!);
    const file = join(out, `${name.replaceAll(' ', '-')}.safetensors`);
    await writeFile(file, saveSafetensors(network.stateDict(), { ...conditions, accuracy }));
    network.dispose();
  }

  const report = join(out, 'report.html');
  const { inputs, targets } = data.test;
  const args = process.argv.slice(2);
  const page = reportOf(results, {
    test: { pixels: inputs.data as Uint8Array, targets, classNames: classNames(data) },
    conditions: {
      ...conditions,
      'wall time': timeText((performance.now() - started) / 1000),
      processor: cpus()[0]?.model.trim() ?? 'unknown',
      threads: `${threads.count}`,
      runtime: `Node ${process.versions.node}`,
      command: args.length > 0 ? `npm start -- ${args.join(' ')}` : 'npm start',
    },
  });
  await writeFile(report, page);
  console.log(`\n${tableText(tableOf(results))}\n`);
  console.log(`Report and weights are in ${out}/: open ${report}`);
  console.log(`test accuracy ${percent(results[0]!.epochs.at(-1)!)}`);
}
