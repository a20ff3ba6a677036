/** Shows progress: a bar on a terminal, or else plain lines. */
import { SingleBar } from 'cli-progress';
import type { Moment } from './train.ts';

export interface Progress {
  tell(moment: Moment): void;
  stop(): void;
}

export function makeProgress(name: string): Progress {
  return process.stdout.isTTY ? bar(name) : lines(name);
}

function bar(name: string): Progress {
  const format = `${name.padEnd(20)} {bar} {percentage} %  loss {loss}  accuracy {accuracy}  {speed} images/s`;
  const shown = new SingleBar({
    format,
    barCompleteChar: '█',
    barIncompleteChar: '░',
    barsize: 24,
    fps: 10,
    hideCursor: true,
    stream: process.stdout,
  });
  let started = false;
  return {
    tell(moment) {
      const texts = textsOf(moment);
      if (!started) shown.start(moment.steps, moment.step, texts);
      else shown.update(moment.step, texts);
      started = true;
    },
    stop: () => shown.stop(),
  };
}

function lines(name: string): Progress {
  return {
    tell(moment) {
      const { step, steps } = moment;
      // Ten lines per training, the last one after the last step.
      if (Math.floor((10 * step) / steps) === Math.floor((10 * (step - 1)) / steps)) return;
      const { loss, accuracy, speed } = textsOf(moment);
      console.log(
        `${name}: step ${step} of ${steps}, loss ${loss}, accuracy ${accuracy}, ${speed} images/s`,
      );
    },
    stop() {},
  };
}

function textsOf({ loss, accuracy, imagesPerSecond }: Moment) {
  return {
    loss: loss.toFixed(4),
    accuracy: percent(accuracy),
    speed: imagesPerSecond.toFixed(0),
  };
}

export function percent(share: number): string {
  return `${(100 * share).toFixed(2)} %`;
}
