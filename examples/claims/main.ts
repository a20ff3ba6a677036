/** The program of `npm run claims`. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { SingleBar } from 'cli-progress';
import { readImages } from '../train/images.ts';
import { tableText } from '../train/table.ts';
import { FULL, QUICK, type Result } from './experiment.ts';
import { EXPERIMENTS } from './experiments/index.ts';
import { compute, type Request } from './jobs.ts';
import { type Options, readOptions } from './options.ts';
import { type Chapter, reportOf } from './report.ts';
import { rounded, Store } from './store.ts';

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
  const setting = options.quick ? QUICK : FULL;
  const { folder, train, test } = await readImages({ data: options.data, full: false });
  const chosen = EXPERIMENTS.filter(({ key }) => options.only?.includes(key) ?? true);
  const data = options.data ? folder.replace(/\W+/g, '-') : 'shipped';
  const store = new Store(join('out/claims/runs', `${setting.name}-${data}`));
  if (options.fresh) store.clear();

  const all: Request[] = chosen.flatMap(({ key, runs }) =>
    runs(setting).map((run) => ({ key, run })),
  );
  const missing = all.filter(({ key, run }) => !store.get(key, run));
  console.log(
    `${all.length} trainings in ${chosen.length} experiments; ${all.length - missing.length} are known`,
  );
  const progress = progressOf(missing.length);
  try {
    await compute(missing, options.jobs, options.data, {
      progress: progress.tell,
      result: ({ key }, result) => store.set(key, result),
    });
  } finally {
    progress.stop();
  }

  const chapters: Chapter[] = chosen.map((experiment) => ({
    experiment,
    results: experiment.runs(setting).map((run) => store.get(experiment.key, run) as Result),
  }));
  const results = chapters.flatMap((chapter) => chapter.results);
  const hours = results.reduce((sum, { seconds }) => sum + seconds, 0) / 3600;
  const conditions = {
    setting: setting.name,
    seeds: setting.seeds.join(', '),
    images: `${train.targets.length} + ${test.targets.length}${options.data ? ` of ${data}` : ' of Fashion-MNIST'}`,
    processor: cpus()[0]!.model.trim(),
    runtime: `Node ${process.versions.node}`,
    date: new Date().toISOString().slice(0, 10),
    computation: `${results.length} trainings, ${hours.toFixed(2)} processor hours`,
    command: `npm run claims${options.quick ? ' -- --quick' : ''}`,
  };
  mkdirSync(options.out, { recursive: true });
  const { html, figures } = reportOf(chapters, conditions);
  for (const { name, svg } of figures) writeFileSync(join(options.out, `${name}.svg`), `${svg}\n`);
  writeFileSync(join(options.out, 'index.html'), html);
  const named = chapters.map(({ experiment: { key }, results: found }) => [key, found]);
  const record = { conditions, results: Object.fromEntries(named) };
  writeFileSync(join(options.out, 'results.json'), `${JSON.stringify(record, rounded)}\n`);

  const verdicts = chapters.map(({ experiment, results: found }) => {
    return [`(${experiment.key}) ${experiment.title}`, experiment.judge(found).holds];
  });
  console.log(`\n${tableText([['claim', 'verdict'], ...verdicts])}\n`);
  console.log(`Report: ${join(options.out, 'index.html')}`);
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
