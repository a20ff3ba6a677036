/** A library in a process of its own that answers lines of JSON. It is started again after it hangs or dies. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';

export interface Answer {
  samples?: (number | null)[];
  /** Milliseconds a run. */
  time?: number;
  error?: string;
  /** Whether it took longer than it may. */
  late?: boolean;
}

export class Peer {
  private process: ChildProcessByStdio<Writable, Readable, Readable> | undefined;
  private answered: (answer: Answer) => void = () => {};
  private said = '';

  constructor(
    readonly name: string,
    private readonly command: readonly string[],
    private readonly patience: number,
  ) {}

  ask(message: object): Promise<Answer> {
    return new Promise((resolve) => {
      const impatient = setTimeout(() => {
        this.close();
        resolve({ error: `took over ${this.patience / 1000} s`, late: true });
      }, this.patience);
      this.answered = (answer) => {
        clearTimeout(impatient);
        resolve(answer);
      };
      this.process ??= this.start();
      this.process.stdin.write(`${JSON.stringify(message)}\n`);
    });
  }

  close(): void {
    const process = this.process;
    this.process = undefined;
    process?.kill('SIGKILL');
  }

  private start() {
    const [program, ...args] = this.command;
    const process = spawn(program!, args, { stdio: ['pipe', 'pipe', 'pipe'] });
    this.said = '';
    process.stderr.on('data', (text) => {
      this.said = (this.said + text).slice(-2000);
    });
    const died = () => {
      if (this.process !== process) return;
      this.process = undefined;
      const why =
        this.said
          .split('\n')
          .filter((line) => /error/i.test(line))
          .at(-1) ?? 'ended';
      this.answered({ error: why.trim().slice(0, 200) });
    };
    process.on('error', died);
    process.on('exit', died);
    process.stdin.on('error', () => {});
    createInterface({ input: process.stdout }).on('line', (line) => {
      // Libraries print greetings on stdout too.
      if (this.process === process && line.startsWith('{"')) this.answered(JSON.parse(line));
    });
    return process;
  }
}
