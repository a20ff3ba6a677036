/** Starts a thread: a Worker of the web, Deno or Bun, or of Node's `worker_threads`. */
import { THREAD } from '../generated/thread.ts';
import { listen, type Port } from '../worker/port.ts';

/** What a thread is made from: the address of its script, or a function that makes a Worker of it. */
export type ThreadSource = string | URL | (() => Port);

export interface Thread {
  readonly port: Port;
  end(): void;
}

interface Endable extends Port {
  terminate?(): unknown;
  unref?(): void;
}

/** Makes the threads' Workers. `close` when all have started. */
export async function spawner(source?: ThreadSource): Promise<{ make(): Port; close(): void }> {
  const nothing = () => {};
  if (typeof source === 'function') return { make: source, close: nothing };
  // Deno has both kinds, but only Node's lets the program end while a thread waits.
  if (typeof Worker === 'undefined' || (!source && 'Deno' in globalThis)) {
    return { make: await nodeWorker(), close: nothing };
  }
  if (source) return { make: () => new Worker(source, { type: 'module' }), close: nothing };
  const text = `const port=self;${THREAD}`;
  const url = URL.createObjectURL(new Blob([text], { type: 'text/javascript' }));
  return { make: () => new Worker(url), close: () => URL.revokeObjectURL(url) };
}

/** A module of Node, by a name that bundlers do not see. */
// biome-ignore lint/suspicious/noExplicitAny: the types are Node's, which users may not have
export function ofNode(name: string): Promise<any> {
  return import(/* webpackIgnore: true */ /* @vite-ignore */ name);
}

async function nodeWorker(): Promise<() => Port> {
  const node = await ofNode('node:worker_threads').catch((cause) => {
    throw new Error('this runtime has no Workers', { cause });
  });
  const text = `const port=require("node:worker_threads").parentPort;${THREAD}`;
  return () => new node.Worker(text, { eval: true, execArgv: [], name: 'evenkeel' });
}

/**
 * Starts a thread, and resolves when it waits for work.
 *
 * @param onEnd is called if it ends later by itself
 * @throws Error if it does not start
 */
export function start(
  make: () => Port,
  message: unknown,
  patience: number,
  onEnd: (reason: string) => void,
): Promise<Thread> {
  return new Promise((resolve, reject) => {
    const port: Endable = make();
    let ready = false;
    const fail = (reason: string, cause?: unknown) => {
      if (ready) return onEnd(reason);
      clearTimeout(timer);
      end();
      reject(new Error(reason, { cause }));
    };
    const timer = setTimeout(() => fail(`did not start within ${patience / 1000} s`), patience);
    const silence = listen(
      port,
      {
        message: () => {
          ready = true;
          clearTimeout(timer);
          port.unref?.();
          resolve({ port, end });
        },
        unreadable: () => fail('did not get its memory'),
        ended: fail,
      },
      true,
    );
    const end = () => {
      silence();
      port.terminate?.();
    };
    try {
      port.postMessage(message);
    } catch (cause) {
      fail(String(cause), cause);
    }
  });
}
