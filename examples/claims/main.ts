/** The program of `npm run claims`. */
import { cpus } from 'node:os';
import { join } from 'node:path';
import { SingleBar } from 'cli-progress';
import { readImages } from '../train/images.ts';
import { tableText } from '../train/table.ts';
import { FULL, QUICK, type Result } from './experiment.ts';
import { EXPERIMENTS } from './experiments/index.ts';
import { compute, type Request } from './jobs.ts';
import { type Options, readOptions } from './options.ts';
import { chaptersOf, type Record, readRecord, write } from './record.ts';
import { Store } from './store.ts';

try {
  await main(
    readOptions(
      process.argv.slice(2),
      EXPERIMENTS.map(({ key }) => key),
    ),
  );
} catch (error) {
  console.error(`error: ${(error as Error).message}`);
  process.exitCode = 2;
}

async function main(options: Options): Promise<void> {
  const record = options.render ? readRecord(options.render) : await computed(options);
  write(record, options.out);
  const verdicts = chaptersOf(record).map(({ experiment: { key, title, judge }, results }) => {
    return [`(${key}) ${title}`, judge(results).holds];
  });
  console.log(`\n${tableText([['claim', 'verdict'], ...verdicts])}\n`);
  console.log(`Report: ${join(options.out, 'index.html')}`);
}

/** Computes what is not known yet. */
async function computed({ quick, only, data, jobs, fresh }: Options): Promise<Record> {
  const setting = quick ? QUICK : FULL;
  const { folder, train, test } = await readImages({ data, full: false });
  const source = data ? folder.replace(/\W+/g, '-') : 'shipped';
  const store = new Store(join('out/claims/runs', `${setting.name}-${source}`));
  if (fresh) store.clear();
  const chosen = EXPERIMENTS.filter(({ key }) => only?.includes(key) ?? true);
  const all: Request[] = chosen.flatMap(({ key, runs }) =>
    runs(setting).map((run) => ({ key, run })),
  );
  const missing = all.filter(({ key, run }) => !store.get(key, run));
  console.log(
    `${all.length} trainings in ${chosen.length} experiments; ${all.length - missing.length} are known`,
  );
  const progress = progressOf(missing.length);
  try {
    await compute(missing, jobs, data, {
      progress: progress.tell,
      result: ({ key }, result) => store.set(key, result),
    });
  } finally {
    progress.stop();
  }
  const results = chosen.map(({ key, runs }): [string, Result[]] => {
    return [key, runs(setting).map((run) => store.get(key, run)!)];
  });
  const seconds = results.flatMap(([, found]) => found.map((result) => result.seconds));
  const hours = seconds.reduce((sum, value) => sum + value, 0) / 3600;
  return {
    conditions: {
      setting: setting.name,
      seeds: setting.seeds.join(', '),
      images: `${train.targets.length} + ${test.targets.length} of ${data ? folder : 'Fashion-MNIST'}`,
      processor: cpus()[0]!.model.trim(),
      runtime: `Node ${process.versions.node}`,
      date: new Date().toISOString().slice(0, 10),
      computation: `${all.length} trainings, ${hours.toFixed(2)} hours of one core, other work beside`,
      command: `npm run claims${quick ? ' -- --quick' : ''}`,
    },
    results: Object.fromEntries(results),
  };
}

/** A bar on a terminal, a line for each twentieth elsewhere. */
function progressOf(total: number): { tell: (done: number) => void; stop: () => void } {
  if (total === 0) return { tell() {}, stop() {} };
  if (process.stdout.isTTY) {
    const bar = new SingleBar({
      format: 'trainings {bar} {percentage} %  {done} of {total}  {eta_formatted} left',
      barCompleteChar: '█',
      barIncompleteChar: '░',
      barsize: 32,
      hideCursor: true,
      etaBuffer: 200,
    });
    bar.start(total, 0, { done: 0 });
    return {
      tell: (done) => bar.update(done, { done: Math.floor(done) }),
      stop: () => bar.stop(),
    };
  }
  let told = -1;
  return {
    tell(done) {
      const twentieth = Math.floor((20 * done) / total);
      if (twentieth === told) return;
      told = twentieth;
      console.log(
        `${Math.floor(done)} of ${total} trainings, ${Math.floor((100 * done) / total)} %`,
      );
    },
    stop() {},
  };
}
