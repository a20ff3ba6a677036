/** Gives way to the event loop, so that timers, input and network events are handled. */
export interface Macrotask {
  /** Resolves in a later turn of the event loop. */
  turn(): Promise<void>;
  close(): void;
}

// Node, Deno and Bun have it. Browsers do not, and neither do their types, which are used here.
declare const setImmediate: ((callback: () => void) => unknown) | undefined;

/**
 * Uses `setImmediate` if there is one, because Node delivers a port's messages without turning the event
 * loop, and timers would starve. Otherwise uses a MessageChannel, because browsers delay nested timeouts
 * to 4 ms. Uses a timeout if there is neither.
 */
export function macrotask(): Macrotask {
  if (typeof setImmediate === 'function') {
    return { turn: () => new Promise((resolve) => setImmediate(resolve)), close: () => {} };
  }
  if (typeof MessageChannel === 'undefined') {
    return { turn: () => new Promise((resolve) => setTimeout(resolve, 0)), close: () => {} };
  }
  const { port1, port2 } = new MessageChannel();
  return {
    turn: () =>
      new Promise((resolve) => {
        port1.onmessage = () => resolve();
        port2.postMessage(null);
      }),
    close: () => port1.close(),
  };
}
