/** One training run: it trains as far as the page allows, and reports on the way. */
import { accuracy, CrossEntropyLoss, evaluate, type Module, type Optimizer } from 'evenkeel';
import { type Batches, batches } from 'evenkeel/data';
import type { Answer, Canyon, Command, Report, Start } from '../protocol.ts';
import { isToy } from '../settings.ts';
import { canyon } from './canyon.ts';
import type { Data, Samples } from './data.ts';
import { network, optimizerOf } from './network.ts';
import { planeOf, probabilitiesOf } from './predictions.ts';
import { type StepReport, watchStep } from './watching.ts';

/** Milliseconds of training between two reports. */
const REPORT_INTERVAL = 80;
/** `serve` collects reports for 30 ms before it sends them, and would keep one that is followed by a pause. */
const SENT_AFTER = 32;
/** Milliseconds of training over which the speed is measured. */
const CLOCK_INTERVAL = 50;
/** Milliseconds that the canyon may take between two reports. */
const CANYON_INTERVAL = 30;
/** Samples of the batch whose loss the canyon shows. */
const CANYON_SAMPLES = 64;

export class Run {
  readonly model: Module;
  private readonly optimizer: Optimizer;
  private readonly loss = new CrossEntropyLoss();
  private readonly training: Batches;
  private epoch: Iterator<unknown>;
  private step = 0;
  /** The step up to which the page allows to train. */
  private until = 0;
  private wake: () => void = () => {};
  private measuring: Generator<void, Canyon, void> | undefined;
  private losses: number[] = [];
  private accuracies: number[] = [];
  private failed = false;
  private imagesPerSecond = 0;
  private clocked = { steps: 0, ms: 0 };

  constructor(
    private readonly start: Start,
    private readonly data: Data,
  ) {
    const { settings, port } = start;
    this.model = this.network();
    this.optimizer = optimizerOf(settings, this.model);
    this.training = batches(data.train, {
      batchSize: Number(settings.batch),
      shuffle: true,
      seed: Number(settings.seed),
      dropLast: true,
    });
    this.epoch = this.training[Symbol.iterator]();
    port.onmessage = ({ data: command }) => this.obey(command as Command);
  }

  /** Trains for as long as it is iterated. The first report is that of the untrained network. */
  async *reports(): AsyncGenerator<Report, void, void> {
    const started = performance.now();
    const untrained = this.report(this.watchUntrained());
    await passed(started, SENT_AFTER);
    yield untrained;
    for (;;) {
      await this.permission();
      const from = this.step;
      const began = performance.now();
      while (this.mayTrain(1) && performance.now() - began < REPORT_INTERVAL) this.train();
      this.clock(this.step - from, performance.now() - began);
      const report = this.report(this.watchTraining());
      await passed(began, SENT_AFTER);
      yield report;
      this.measureCanyon();
    }
  }

  private obey(command: Command): void {
    if (command.kind === 'until') {
      this.until = command.step;
      this.wake();
    } else if (command.kind === 'canyon') {
      this.measuring ??= this.canyon();
      this.wake();
    } else if (command.kind === 'classify') {
      const [probabilities] = probabilitiesOf(this.model, command.pixels, 784) as [Float32Array];
      this.answer({ kind: 'classify', probabilities, step: this.step });
    } else {
      const { inputs, targets } = this.data.test;
      const index = command.index % targets.length;
      const pixels = inputs.data.slice(index * 784, (index + 1) * 784);
      this.answer({ kind: 'sample', pixels, label: targets[index]! });
    }
  }

  private answer(answer: Answer): void {
    this.start.port.postMessage(answer);
  }

  /** Whether there are more than `kept` steps to train. */
  private mayTrain(kept = 0): boolean {
    return !this.failed && this.step + kept < this.until;
  }

  /** Waits until it may train. Meanwhile it measures the canyon, if the page asked for it. */
  private async permission(): Promise<void> {
    while (!this.mayTrain()) {
      if (this.measuring) {
        this.measureCanyon();
        await new Promise((resolve) => setTimeout(resolve));
      } else {
        await new Promise<void>((resolve) => {
          this.wake = resolve;
        });
      }
    }
  }

  private train(): void {
    let next = this.epoch.next();
    if (next.done) {
      this.epoch = this.training[Symbol.iterator]();
      next = this.epoch.next();
    }
    const { inputs, targets } = next.value as Samples;
    const prediction = this.model.forward(inputs);
    const value = this.loss.forward(prediction, targets);
    this.losses.push(value);
    this.accuracies.push(accuracy(prediction, targets));
    this.optimizer.zeroGrad();
    this.model.backward(this.loss.backward());
    this.optimizer.step();
    this.step++;
    this.failed ||= !Number.isFinite(value);
  }

  /** Measures the speed over at least CLOCK_INTERVAL of training. */
  private clock(steps: number, ms: number): void {
    this.clocked.steps += steps;
    this.clocked.ms += ms;
    if (this.clocked.ms < CLOCK_INTERVAL) return;
    const images = this.clocked.steps * Number(this.start.settings.batch);
    this.imagesPerSecond = (1000 * images) / this.clocked.ms;
    this.clocked = { steps: 0, ms: 0 };
  }

  private watchTraining(): StepReport {
    const { loss, optimizer } = this;
    return watchStep(this.model, this.start.settings, { loss, optimizer }, () => this.train());
  }

  /** Watches a twin of the network take a step, because the network itself has not taken one yet. */
  private watchUntrained(): StepReport {
    const twin = this.network();
    const { inputs, targets } = this.samples(Number(this.start.settings.batch));
    const { loss } = this;
    const seen = watchStep(twin, this.start.settings, { loss }, () => {
      const prediction = twin.forward(inputs);
      this.losses.push(this.loss.forward(prediction, targets));
      this.accuracies.push(accuracy(prediction, targets));
      twin.backward(this.loss.backward());
    });
    twin.dispose();
    return seen;
  }

  private report(seen: StepReport): Report {
    const { loss, accuracy } = evaluate(this.model, this.data.test, this.loss);
    const { imagesPerSecond } = this;
    const train = { loss: mean(this.losses), accuracy: mean(this.accuracies) };
    this.losses = [];
    this.accuracies = [];
    return {
      ...{ step: this.step, train, test: { loss, accuracy }, ...seen, imagesPerSecond },
      ...(isToy(this.start.settings) && { plane: planeOf(this.model) }),
      failed: this.failed,
    };
  }

  private *canyon(): Generator<void, Canyon, void> {
    const twin = this.network();
    twin.loadStateDict(this.model.stateDict());
    const lr = Number(this.start.settings.lr);
    try {
      return yield* canyon(
        twin,
        this.samples(CANYON_SAMPLES),
        this.samples(CANYON_SAMPLES, CANYON_SAMPLES),
        { lr, step: this.step },
      );
    } finally {
      twin.dispose();
    }
  }

  /** Measures some rows of the canyon, and sends it when it is complete. */
  private measureCanyon(): void {
    const end = performance.now() + CANYON_INTERVAL;
    while (this.measuring && performance.now() < end) {
      const row = this.measuring.next();
      if (!row.done) continue;
      this.measuring = undefined;
      this.answer({ kind: 'canyon', ...row.value });
    }
  }

  private network(): Module {
    const { settings, which } = this.start;
    return network(settings, settings[which], this.data.features, this.data.classes);
  }

  /** Training samples, in the order of the file. */
  private samples(count: number, from = 0): Samples {
    const { inputs, targets } = this.data.train;
    const { features } = this.data;
    const data = inputs.data.subarray(from * features, (from + count) * features);
    return {
      inputs: { data, shape: [count, features] },
      targets: targets.subarray(from, from + count),
    };
  }
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Waits until `ms` milliseconds have passed since `start`. */
async function passed(start: number, ms: number): Promise<void> {
  while (performance.now() - start < ms) {
    await new Promise((resolve) => setTimeout(resolve, ms - (performance.now() - start)));
  }
}
