/** The ports that messages are sent through. */
import { textOf } from './messages.ts';

/**
 * An object that sends and receives messages. It is either a Worker or MessagePort of the web, Deno or Bun,
 * which has `addEventListener`, or a Worker, MessagePort or `parentPort` of Node's `worker_threads`, which
 * has `on`.
 */
export interface Port {
  // Platforms differ in their types for transferable objects and for listeners.
  // biome-ignore-start lint/suspicious/noExplicitAny: only `any` fits all of them
  postMessage(message: any, transfer?: any): void;
  addEventListener?(type: any, listener: any): void;
  removeEventListener?(type: any, listener: any): void;
  on?(type: any, listener: any): unknown;
  off?(type: any, listener: any): unknown;
  // biome-ignore-end lint/suspicious/noExplicitAny: as above
  start?(): void;
}

/** What can happen at a port. */
export interface Listeners {
  message(data: unknown): void;
  /** A message came whose data the receiver cannot make again. */
  unreadable(): void;
  /** No more messages will come. */
  ended(reason: string, cause?: unknown): void;
}

type Handlers = Record<string, (event: never) => void>;

/**
 * Listens to a port, and returns a function that ends this.
 *
 * @param ofWorker whether the port is a Worker as its page sees it. In a Worker, `error` events are those of
 *   the Worker's own script, and must reach the page.
 */
export function listen(port: Port, on: Listeners, ofWorker: boolean): () => void {
  const { message, unreadable, ended } = on;
  const isEmitter = typeof port.on === 'function';
  const handlers: Handlers = {
    messageerror: unreadable,
    close: () => ended('its port was closed'),
    message: isEmitter ? message : (event: MessageEvent) => message(event.data),
  };
  if (ofWorker && isEmitter) {
    handlers.error = (error: unknown) => ended(`it failed: ${messageOf(error)}`, error);
    handlers.exit = (code: number) => ended(`it exited with code ${code}`);
  } else if (ofWorker) {
    handlers.error = (event: ErrorEvent) => {
      event.preventDefault?.(); // otherwise Deno would end the whole program
      ended(reasonOf(event), event.error ?? undefined);
    };
  }
  const [add, remove] = isEmitter
    ? (['on', 'off'] as const)
    : (['addEventListener', 'removeEventListener'] as const);
  for (const [type, handler] of Object.entries(handlers)) port[add]?.(type, handler);
  if (!isEmitter) port.start?.(); // a MessagePort delivers no messages before this
  const unwatch =
    ofWorker && !isEmitter ? ['terminate', 'close'].map((m) => watch(port, m, ended)) : [];
  return () => {
    for (const [type, handler] of Object.entries(handlers)) port[remove]?.(type, handler);
    for (const end of unwatch) end();
  };
}

/**
 * Reports that this side ends the port by its `method`, of which the web gives no event. Returns a function
 * that ends this.
 */
function watch(port: Port, method: string, ended: (reason: string) => void): () => void {
  const original: unknown = Reflect.get(port, method);
  if (typeof original !== 'function') return () => {};
  const before = Object.getOwnPropertyDescriptor(port, method);
  const watched = (...args: unknown[]): unknown => {
    ended(`${method}() was called`);
    return Reflect.apply(original, port, args);
  };
  Reflect.defineProperty(port, method, { value: watched, configurable: true, writable: true });
  return () => {
    if (Reflect.get(port, method) !== watched) return;
    if (before) Reflect.defineProperty(port, method, before);
    else Reflect.deleteProperty(port, method);
  };
}

function messageOf(error: unknown): string {
  return textOf((error as Error | undefined)?.message || error);
}

/** The reason why a web Worker failed. If its script did not load, the event has no message. */
function reasonOf({ message, filename, lineno }: ErrorEvent): string {
  if (!message) return 'its script did not load: check its URL, and that its type is "module"';
  return `it failed: ${message}${filename ? ` (${filename}:${lineno})` : ''}`;
}

/** Whether `port` can both send and receive messages. */
export function isPort(port: Port): boolean {
  return (
    typeof port?.postMessage === 'function' &&
    typeof (port.on ?? port.addEventListener) === 'function'
  );
}

/** Whether `port` is a Worker of Node that has ended. */
export function hasExited(port: Port): boolean {
  return (port as { threadId?: number }).threadId === -1;
}
