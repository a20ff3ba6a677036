/** A process that computes one run after another, as `jobs.ts` asks. */
import { readImages } from '../train/images.ts';
import type { Result } from './experiment.ts';
import { EXPERIMENTS } from './experiments/index.ts';
import type { Answer, Request } from './jobs.ts';

const data = await readImages({ data: process.argv[2], full: false });
const send = (answer: Answer): void => void process.send!(answer);

process.on('message', ({ key, run }: Request) => {
  try {
    const experiment = EXPERIMENTS.find((one) => one.key === key)!;
    const start = performance.now();
    const measured = experiment.measure(run, data, (share) => send({ share }));
    const seconds = (performance.now() - start) / 1000;
    const result: Result = { run, measured, seconds };
    send({ result });
  } catch (error) {
    send({ error: `${key} ${JSON.stringify(run)}: ${(error as Error).stack}` });
  }
});
send({ ready: true });
