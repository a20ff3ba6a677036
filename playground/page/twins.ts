/** The two networks' Workers, kept in step. */
import { saveSafetensors } from 'evenkeel/state';
import { type TrainingRun, train } from 'evenkeel/worker';
import type { Answer, Command, Report, Start, Which } from '../protocol.ts';
import type { Settings } from '../settings.ts';

export interface Listener {
  report(which: Which, report: Report): void;
  answer(which: Which, answer: Answer): void;
  failure(which: Which, error: Error): void;
}

/** Milliseconds between two permissions to train. */
const BEAT = 100;
/** Steps that the faster network may be ahead, in beats of the slower one. */
const LEAD = 2;

interface Twin {
  readonly worker: Worker;
  readonly run: TrainingRun<Report>;
  readonly port: MessagePort;
  step: number;
  /** Steps that the last report covers. */
  stride: number;
  /** Whether it can go on. */
  live: boolean;
}

/** A pair of runs. It begins paused; `close` ends it, and then there is nothing more to hear from it. */
export class Twins {
  private readonly twins: Record<Which, Twin>;
  private readonly allowed: Record<Which, number> = { a: 0, b: 0 };
  private timer: ReturnType<typeof setInterval> | undefined;
  private closed = false;
  /** Parts of steps that a beat has left over. */
  private credit = 0;

  constructor(
    private readonly settings: Settings,
    private readonly listener: Listener,
  ) {
    this.twins = { a: this.launch('a'), b: this.launch('b') };
  }

  get running(): boolean {
    return this.timer !== undefined;
  }

  go(): void {
    this.timer ??= setInterval(() => this.beat(), BEAT);
    this.beat();
  }

  pause(): void {
    clearInterval(this.timer);
    this.timer = undefined;
    for (const which of BOTH) this.allow(which, this.twins[which].step);
  }

  /** One step of both; the one that is behind catches up. */
  stepOnce(): void {
    this.pause();
    const next = Math.max(this.twins.a.step, this.twins.b.step) + 1;
    for (const which of BOTH) this.allow(which, next);
  }

  ask(command: Command, which: readonly Which[] = BOTH): void {
    for (const each of which) this.twins[each].port.postMessage(command);
  }

  /** The present weights as the bytes of a safetensors file. */
  async weights(which: Which): Promise<Uint8Array<ArrayBuffer>> {
    const { run, step } = this.twins[which];
    const metadata = { ...this.settings, network: this.settings[which], step: String(step) };
    return saveSafetensors(await run.snapshot(), metadata);
  }

  close(): void {
    this.closed = true;
    clearInterval(this.timer);
    for (const { worker } of Object.values(this.twins)) worker.terminate();
  }

  private launch(which: Which): Twin {
    const worker = new Worker(new URL('worker.js', import.meta.url), { type: 'module' });
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = ({ data }) => {
      if (!this.closed) this.listener.answer(which, data as Answer);
    };
    const folder = new URL('.', import.meta.url).href;
    const start: Start = { settings: this.settings, which, folder, port: port2 };
    const run = train<Report>(worker, start, { transfer: [port2] });
    const twin = { worker, run, port: port1, step: 0, stride: 1, live: true };
    void this.listen(which, twin);
    return twin;
  }

  private async listen(which: Which, twin: Twin): Promise<void> {
    try {
      for await (const report of twin.run) {
        if (this.closed) return;
        twin.stride = Math.max(1, report.step - twin.step);
        twin.step = report.step;
        twin.live = !report.failed;
        this.listener.report(which, report);
      }
    } catch (error) {
      if (!this.closed) this.listener.failure(which, error as Error);
    }
  }

  /** Lets both train on: so many steps a beat, and none far ahead of the other. */
  private beat(): void {
    const { speed } = this.settings;
    if (speed !== 'full') this.credit += (Number(speed) * BEAT) / 1000;
    const steps = Math.floor(this.credit);
    this.credit -= steps;
    const live = BOTH.map((which) => this.twins[which]).filter((twin) => twin.live);
    const slowest = Math.min(...live.map(({ step }) => step));
    const stride = Math.min(...live.map((twin) => twin.stride));
    for (const which of BOTH) {
      const wanted = speed === 'full' ? Number.POSITIVE_INFINITY : this.allowed[which] + steps;
      const lead = Math.max(20, LEAD * stride, 2 * steps);
      const until = Math.min(wanted, slowest + lead);
      if (until > this.allowed[which]) this.allow(which, until);
    }
  }

  private allow(which: Which, step: number): void {
    this.allowed[which] = step;
    this.ask({ kind: 'until', step }, [which]);
  }
}

export const BOTH: readonly Which[] = ['a', 'b'];
