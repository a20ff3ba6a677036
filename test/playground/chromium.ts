/** Debian's Chromium, driven by the DevTools protocol over a pipe. */
import type { Readable, Writable } from 'node:stream';
import { debian } from '../everywhere/install.ts';
import { type Browser, Calls, type Key, middleOf, Process } from './browser.ts';

const FLAGS = [
  ...['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'],
  ...['--disable-background-networking', '--disable-component-update', '--disable-sync'],
  ...['--disable-dev-shm-usage', '--hide-scrollbars', '--remote-debugging-pipe'],
];

export interface View {
  width: number;
  height: number;
  dark?: boolean;
  /** Device pixels a CSS pixel. */
  scale?: number;
}

export interface Chromium extends Browser {
  /** Does some work, and gives the milliseconds of the longest task on the page's thread meanwhile. */
  longestTask(work: () => Promise<void>): Promise<LongestTask>;
}

/** By the clock, and by the processor's time, which other programs do not take part in. */
export interface LongestTask {
  wall: number;
  cpu: number;
}

const CODES: Record<Key, { code: string; number: number; text?: string }> = {
  Tab: { code: 'Tab', number: 9 },
  Enter: { code: 'Enter', number: 13, text: '\r' },
  ArrowDown: { code: 'ArrowDown', number: 40 },
  ' ': { code: 'Space', number: 32, text: ' ' },
};

export async function chromium(
  { width, height, dark = false, scale = 1 }: View = { width: 1280, height: 900 },
): Promise<Chromium> {
  const program = new Process();
  const file = debian(['/usr/bin/chromium'], 'chromium');
  const child = program.start([file, ...FLAGS, `--user-data-dir=${program.folder}`], 2);
  const [out, input] = [child.stdio[3] as Writable, child.stdio[4] as unknown as Readable];
  let session: string | undefined;
  const calls = new Calls('Chromium', (id, method, params) => {
    const message = {
      id,
      method,
      params,
      ...(session && !method.startsWith('Tracing') && { sessionId: session }),
    };
    out.write(`${JSON.stringify(message)}\0`);
  });
  const trace = { events: [] as TraceEvent[], complete: () => {} };
  let rest = '';
  input.setEncoding('utf8').on('data', (text: string) => {
    const messages = (rest + text).split('\0');
    rest = messages.pop()!;
    for (const message of messages) {
      const { id, error, result, method, params } = JSON.parse(message);
      if (id !== undefined) calls.answer(id, error?.message, result);
      else if (method === 'Tracing.dataCollected') trace.events.push(...params.value);
      else if (method === 'Tracing.tracingComplete') trace.complete();
    }
  });
  const { targetId } = await calls.call<{ targetId: string }>('Target.createTarget', {
    url: 'about:blank',
  });
  const attached = { targetId, flatten: true };
  session = (await calls.call<{ sessionId: string }>('Target.attachToTarget', attached)).sessionId;
  await calls.call('Emulation.setDeviceMetricsOverride', {
    ...{ width, height, deviceScaleFactor: scale, mobile: width < 500 },
  });
  await calls.call('Emulation.setEmulatedMedia', {
    features: [{ name: 'prefers-color-scheme', value: dark ? 'dark' : 'light' }],
  });
  const evaluate = async <T>(expression: string): Promise<T> => {
    const { result, exceptionDetails } = await calls.call<{
      result: { value: T };
      exceptionDetails?: { exception?: { description?: string }; text: string };
    }>('Runtime.evaluate', { expression, awaitPromise: true, returnByValue: true });
    if (exceptionDetails) {
      throw new Error(
        `Chromium: ${exceptionDetails.exception?.description ?? exceptionDetails.text}`,
      );
    }
    return result.value;
  };
  return {
    name: 'Chromium',
    evaluate,
    async open(url) {
      await calls.call('Page.navigate', { url: 'about:blank' });
      await calls.call('Page.navigate', { url });
    },
    async click(selector) {
      const place = await evaluate<{ x: number; y: number }>(middleOf(selector));
      for (const type of ['mouseMoved', 'mousePressed', 'mouseReleased']) {
        const mouse = { type, ...place, button: 'left', clickCount: 1 };
        await calls.call('Input.dispatchMouseEvent', mouse);
      }
    },
    async press(key) {
      const { code, number, text } = CODES[key];
      for (const type of ['keyDown', 'keyUp']) {
        const event = { type, key, code, windowsVirtualKeyCode: number };
        await calls.call('Input.dispatchKeyEvent', {
          ...event,
          ...(type === 'keyDown' && text && { text }),
        });
      }
    },
    async screenshot() {
      const { data } = await calls.call<{ data: string }>('Page.captureScreenshot');
      return Buffer.from(data, 'base64');
    },
    async longestTask(work) {
      trace.events = [];
      const traceConfig = { includedCategories: ['toplevel', '__metadata'] };
      await calls.call('Tracing.start', { transferMode: 'ReportEvents', traceConfig });
      await work();
      const complete = new Promise<void>((resolve) => {
        trace.complete = resolve;
      });
      await calls.call('Tracing.end');
      await complete;
      return longestOf(trace.events);
    },
    close: () => program.close(),
  };
}

interface TraceEvent {
  name: string;
  ph: string;
  pid: number;
  tid: number;
  /** Microseconds by the clock, and of the thread. */
  dur?: number;
  tdur?: number;
  args: { name?: string };
}

function longestOf(events: readonly TraceEvent[]): LongestTask {
  const threads = events.filter(
    ({ name, args }) => name === 'thread_name' && args.name === 'CrRendererMain',
  );
  const pages = new Set(threads.map(({ pid, tid }) => `${pid} ${tid}`));
  const tasks = events.filter(
    ({ name, ph, pid, tid }) =>
      ph === 'X' && name.endsWith('RunTask') && pages.has(`${pid} ${tid}`),
  );
  if (tasks.length === 0) throw new Error('Chromium: expected tasks in the trace, got none');
  const longest = (of: 'dur' | 'tdur'): number =>
    tasks.reduce((most, task) => Math.max(most, task[of] ?? 0), 0) / 1000;
  return { wall: longest('dur'), cpu: longest('tdur') };
}
