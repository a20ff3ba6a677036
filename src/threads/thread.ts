/**
 * The program of a thread. The build makes a text of it, src/generated/thread.ts and dist/thread.js, that
 * needs no other file. `port` is where its messages come from.
 */
import {
  CALLER,
  claim,
  FAILED,
  KERNEL,
  type Kernel,
  MODULES,
  OPEN,
  PENDING,
  preferred,
  runShare,
  SLEEPERS,
  STOP,
} from './control.ts';
import type { Start } from './start.ts';

declare const port: {
  onmessage: ((event: { data: Start }) => void) | null;
  postMessage(message: unknown): void;
  close(): void;
};

/** Looks at the clock every so many times. */
const ROUNDS = 64;

port.onmessage = ({ data: { memory, control, thread, threads, spin } }) => {
  const words = new Int32Array(control);
  const call = new Float64Array(control);
  const values = new Float64Array(9);
  const kernels: Kernel[] = [];
  let modules = 0;

  /** Compiles the modules that came since; the caller has put them into linear memory. */
  function catchUp(): void {
    for (; modules < words[MODULES]!; modules++) {
      const at = words[MODULES + 1 + modules]! >>> 0;
      const [bytes, letters] = new Int32Array(memory.buffer, at, 2) as unknown as [number, number];
      const module = new Uint8Array(memory.buffer, at + 8, bytes).slice();
      const names = new Uint8Array(memory.buffer, at + 8 + bytes, letters);
      const instance = new WebAssembly.Instance(new WebAssembly.Module(module), {
        env: { memory },
      });
      for (const name of String.fromCharCode(...names).split(' ')) {
        kernels.push(instance.exports[name] as unknown as Kernel);
      }
    }
  }

  /** Waits until a share is open or the pool stops: first it spins, then it sleeps. */
  function wait(): void {
    const end = performance.now() + spin;
    do {
      for (let i = 0; i < ROUNDS; i++) if (Atomics.load(words, OPEN) !== 0) return;
    } while (performance.now() < end);
    Atomics.add(words, SLEEPERS, 1);
    if (Atomics.load(words, STOP) === 0) Atomics.wait(words, OPEN, 0);
    Atomics.sub(words, SLEEPERS, 1);
  }

  port.postMessage('ready');
  while (Atomics.load(words, STOP) === 0) {
    // If the call changes meanwhile, only the preference is of another one.
    const share = claim(words, preferred(call, thread, threads));
    if (share < 0) {
      wait();
      continue;
    }
    try {
      if (modules < words[MODULES]!) catchUp();
      runShare(kernels[call[KERNEL]!]!, call, share, values);
    } catch {
      Atomics.store(words, FAILED, 1);
    }
    if (Atomics.sub(words, PENDING, 1) === 1 && Atomics.load(words, CALLER) === 1) {
      Atomics.notify(words, PENDING);
    }
  }
  port.close();
};
