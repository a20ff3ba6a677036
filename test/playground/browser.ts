/** A browser that is driven: it opens a page, runs code in it, clicks and types. */
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { within } from '../everywhere/runtime.ts';

export interface Browser {
  readonly name: string;
  open(url: string): Promise<void>;
  /** Runs an expression in the page; what it gives, or its promise, comes back as JSON. */
  evaluate<T>(expression: string): Promise<T>;
  /** Clicks the middle of an element with the mouse; the element must be there and in sight. */
  click(selector: string): Promise<void>;
  /** Presses a key with what has the focus: 'Tab', 'Enter', 'ArrowDown' or ' '. */
  press(key: Key): Promise<void>;
  /** The bytes of a PNG of what is in sight. */
  screenshot(): Promise<Buffer>;
  close(): Promise<void>;
}

export type Key = 'Tab' | 'Enter' | 'ArrowDown' | ' ';

/** The longest time in seconds for one command. */
const PATIENCE = 60;

/** Waits until an expression in the page is true. */
export async function until(
  browser: Browser,
  expression: string,
  what: string,
  seconds = 60,
): Promise<void> {
  const end = performance.now() + 1000 * seconds;
  while (!(await browser.evaluate<boolean>(`Boolean(${expression})`))) {
    if (performance.now() > end) {
      throw new Error(`${browser.name}: expected ${what} within ${seconds} s: ${expression}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** A program with a folder of its own that ends, with all that it started, on `close`. */
export class Process {
  readonly folder = mkdtempSync(join(tmpdir(), 'playground-'));
  private child: ChildProcess | undefined;

  start(command: readonly string[], pipes = 0): ChildProcess {
    const stdio = ['ignore', 'ignore', 'pipe', ...Array(pipes).fill('pipe')] as 'pipe'[];
    this.child = spawn(command[0]!, command.slice(1), { stdio, detached: true });
    this.child.stderr!.resume();
    return this.child;
  }

  async close(): Promise<void> {
    const { child } = this;
    if (child?.pid && child.exitCode === null) {
      const ended = new Promise((resolve) => child.once('exit', resolve));
      try {
        process.kill(-child.pid, 'SIGTERM');
        await within(5, 'ending', ended).catch(() => process.kill(-child.pid!, 'SIGKILL'));
      } catch {
        // It had ended already.
      }
    }
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  }
}

/** Commands with numbers, and their answers. */
export class Calls {
  private count = 0;
  private readonly pending = new Map<
    number,
    { resolve(value: unknown): void; reject(error: Error): void }
  >();

  constructor(
    private readonly name: string,
    private readonly send: (id: number, method: string, parameters: object) => void,
  ) {}

  call<T>(method: string, parameters: object = {}): Promise<T> {
    const id = ++this.count;
    const answer = new Promise((resolve, reject) => this.pending.set(id, { resolve, reject }));
    this.send(id, method, parameters);
    return within(PATIENCE, `${this.name}: ${method}`, answer) as Promise<T>;
  }

  answer(id: number, error: string | undefined, result: unknown): void {
    const call = this.pending.get(id);
    this.pending.delete(id);
    if (error === undefined) call?.resolve(result);
    else call?.reject(new Error(`${this.name}: ${error}`));
  }
}

/** The middle of an element, for browsers whose mouse goes to a place. */
export const middleOf = (selector: string): string => `(() => {
  const element = document.querySelector(${JSON.stringify(selector)});
  element.scrollIntoView({ block: 'center', behavior: 'instant' });
  const { left, top, width, height } = element.getBoundingClientRect();
  return { x: left + width / 2, y: top + height / 2 };
})()`;
