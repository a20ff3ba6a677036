/** The messages between a page and its Worker, and the ports that they are sent through. */
import type { Shape } from '../tensor/shape.ts';

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

/** A message from the page to the Worker. `run` is the number of the run. */
export type Request =
  | { readonly evenkeel: 'train'; readonly run: number; readonly data: unknown }
  | { readonly evenkeel: 'snapshot' | 'stop' | 'abort'; readonly run: number };

/** A message from the Worker to the page. */
export type Reply =
  | { readonly evenkeel: 'progress'; readonly run: number; readonly steps: readonly unknown[] }
  | { readonly evenkeel: 'snapshot' | 'done'; readonly run: number; readonly state: PlainState }
  | { readonly evenkeel: 'error'; readonly run: number; readonly error: PlainError };

/** A state dict in a message: plain objects, because messages lose prototypes. */
export type PlainState = Record<string, { readonly data: Float32Array; readonly shape: Shape }>;

/** An error in a message: a plain object, because engines differ in which parts of an Error they clone. */
export interface PlainError {
  readonly name: string;
  readonly message: string;
  readonly stack: string;
}

type Handlers = Record<string, (event: never) => void>;

/**
 * Listens to a port, and returns a function that ends this.
 *
 * @param message called with the data of each message
 * @param failure called with the reason if no more messages will come
 */
export function listen(
  port: Port,
  message: (data: unknown) => void,
  failure: (reason: string, cause?: unknown) => void = () => {},
): () => void {
  const common: Handlers = {
    messageerror: () => failure('a message could not be read'),
    close: () => failure('its port was closed'),
  };
  const handlers: Handlers =
    typeof port.on === 'function'
      ? {
          ...common,
          message,
          error: (error: Error) => failure(`it failed: ${error?.message ?? error}`, error),
          exit: (code: number) => failure(`it exited with code ${code}`),
        }
      : {
          ...common,
          message: (event: MessageEvent) => message(event.data),
          error: (event: ErrorEvent) => {
            event.preventDefault?.(); // otherwise Deno would end the whole program
            failure(reasonOf(event), event.error ?? undefined);
          },
        };
  const entries = Object.entries(handlers);
  if (typeof port.on === 'function') {
    for (const [type, handler] of entries) port.on(type, handler);
    return () => {
      for (const [type, handler] of entries) port.off?.(type, handler);
    };
  }
  for (const [type, handler] of entries) port.addEventListener?.(type, handler);
  port.start?.(); // a MessagePort delivers no messages before this
  return () => {
    for (const [type, handler] of entries) port.removeEventListener?.(type, handler);
  };
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

/** Converts a thrown value to a plain object for a message. */
export function plainError(thrown: unknown): PlainError {
  if (!(thrown instanceof Error)) return { name: 'Error', message: String(thrown), stack: '' };
  const { name, message, stack = '' } = thrown;
  return { name, message, stack };
}

/** Makes an Error of a plain object again, with its class if it is a built-in one, and with its stack. */
export function errorOf({ name, message, stack }: PlainError): Error {
  const Kind = { RangeError, TypeError, SyntaxError, ReferenceError }[name] ?? Error;
  const error = new Kind(message);
  if (error.name !== name) error.name = name;
  if (stack) error.stack = stack;
  return error;
}
