/** Lets the event loop turn: timers, input and network get their chance. */
export interface Macrotask {
  /** Resolves in a later turn of the event loop. */
  turn(): Promise<void>;
  close(): void;
}

// Node, Deno and Bun have it, browsers do not, and the types here are the browsers'.
declare const setImmediate: ((callback: () => void) => unknown) | undefined;

/**
 * By `setImmediate` where there is one: Node delivers a port's messages without turning the loop, so
 * that timers would starve. Else by a MessageChannel, since browsers stretch nested timeouts to 4 ms;
 * else by a timeout.
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
