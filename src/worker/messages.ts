/** What a page and its Worker say to each other, and over what. */
import type { Shape } from '../tensor/check.ts';

/**
 * What messages go through: a Worker or MessagePort of the web, of Deno or of Bun, or a Worker,
 * `parentPort` or MessagePort of Node's `worker_threads`. Which of the two it is shows in its methods.
 */
export interface Port {
  // Each platform has types of its own for what it transfers and for its listeners.
  // biome-ignore-start lint/suspicious/noExplicitAny: so what fits them all is any
  postMessage(message: any, transfer?: any): void;
  addEventListener?(type: any, listener: any): void;
  removeEventListener?(type: any, listener: any): void;
  on?(type: any, listener: any): unknown;
  off?(type: any, listener: any): unknown;
  // biome-ignore-end lint/suspicious/noExplicitAny: as above
  start?(): void;
}

/** From the page. `run` tells its runs apart. */
export type Request =
  | { readonly evenkeel: 'train'; readonly run: number; readonly data: unknown }
  | { readonly evenkeel: 'snapshot' | 'stop' | 'abort'; readonly run: number };

/** From the Worker. */
export type Reply =
  | { readonly evenkeel: 'progress'; readonly run: number; readonly steps: readonly unknown[] }
  | { readonly evenkeel: 'snapshot' | 'done'; readonly run: number; readonly state: PlainState }
  | { readonly evenkeel: 'error'; readonly run: number; readonly error: PlainError };

/** A state dict as messages carry it: prototypes are lost on the way. */
export type PlainState = Record<string, { readonly data: Float32Array; readonly shape: Shape }>;

/** An error as messages carry it: engines differ in what of an Error they clone. */
export interface PlainError {
  readonly name: string;
  readonly message: string;
  readonly stack: string;
}

type Handlers = Record<string, (heard: never) => void>;

/**
 * Hears what comes in at a port, and why nothing more will, until the function that it returns is
 * called.
 */
export function listen(
  port: Port,
  message: (data: unknown) => void,
  failure: (reason: string, cause?: unknown) => void = () => {},
): () => void {
  const either: Handlers = {
    messageerror: () => failure('a message could not be read'),
    close: () => failure('its port was closed'),
  };
  const handlers: Handlers =
    typeof port.on === 'function'
      ? {
          ...either,
          message,
          error: (error: Error) => failure(`it failed: ${error?.message ?? error}`, error),
          exit: (code: number) => failure(`it exited with code ${code}`),
        }
      : {
          ...either,
          message: (event: MessageEvent) => message(event.data),
          error: (event: ErrorEvent) => {
            event.preventDefault?.(); // it is reported here; Deno would end the whole program
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
  port.start?.(); // a MessagePort holds back what came until then
  return () => {
    for (const [type, handler] of entries) port.removeEventListener?.(type, handler);
  };
}

/** Why a Worker of the web failed; where its script did not load the event says nothing. */
function reasonOf({ message, filename, lineno }: ErrorEvent): string {
  if (!message) return 'its script did not load: check its URL, and that its type is "module"';
  return `it failed: ${message}${filename ? ` (${filename}:${lineno})` : ''}`;
}

/** Whether messages can go through it both ways. */
export function isPort(port: Port): boolean {
  return (
    typeof port?.postMessage === 'function' &&
    typeof (port.on ?? port.addEventListener) === 'function'
  );
}

export function plainError(thrown: unknown): PlainError {
  if (!(thrown instanceof Error)) return { name: 'Error', message: String(thrown), stack: '' };
  const { name, message, stack = '' } = thrown;
  return { name, message, stack };
}

/** The error again: of its kind where that is the language's, and with the stack that it had. */
export function errorOf({ name, message, stack }: PlainError): Error {
  const Kind = { RangeError, TypeError, SyntaxError, ReferenceError }[name] ?? Error;
  const error = new Kind(message);
  if (error.name !== name) error.name = name;
  if (stack) error.stack = stack;
  return error;
}
