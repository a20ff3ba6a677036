/** Faults on purpose: allocations, growth of linear memory and calls of a user's code that fail at a chosen call. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { memoryUsage } from '../../src/index.ts';
import { Allocator } from '../../src/memory/allocator.ts';
import { Block } from '../../src/memory/memory.ts';
import { engine } from '../../src/runtime/engine.ts';

/** What fails: any allocation, or only the growth of linear memory. */
export type Place = 'allocate' | 'grow';

/** The error of a fault; memory's own errors have it as their cause. */
export class InjectedFault extends RangeError {}

/** Counts calls, and fails at those that are chosen. */
export class Injector {
  calls = 0;
  /** Faults so far. */
  fired = 0;

  /** @param at the numbers of the calls that fail, from 1 */
  constructor(private readonly at: ReadonlySet<number> = new Set()) {}

  call(): void {
    this.calls++;
    if (!this.at.has(this.calls)) return;
    this.fired++;
    throw new InjectedFault(`fault at call ${this.calls}`);
  }

  /** Calls `action` while every call at `place` is counted, and fails if it is chosen. */
  during<T>(place: Place, action: () => T): T {
    const before = () => this.call();
    const [target, method] =
      place === 'grow' ? [engine().memory, 'grow'] : [Allocator.prototype, 'allocate'];
    const original: (argument: number) => number = Reflect.get(target, method);
    const counted = function (this: unknown, argument: number): number {
      before();
      return original.call(this, argument);
    };
    const own = Object.getOwnPropertyDescriptor(target, method);
    Object.defineProperty(target, method, { value: counted, configurable: true, writable: true });
    const undo = (): void => {
      if (own) Object.defineProperty(target, method, own);
      else Reflect.deleteProperty(target, method);
    };
    let result: T;
    try {
      result = action();
    } catch (error) {
      undo();
      throw error;
    }
    if (result instanceof Promise) return result.finally(undo) as T;
    undo();
    return result;
  }
}

/** Whether an error is an injected one, or says that it was caused by one. */
export function isInjected(error: unknown): boolean {
  for (let e = error; e instanceof Error; e = e.cause) if (e instanceof InjectedFault) return true;
  return false;
}

/** Allocates all that is free, so that whatever is allocated next makes linear memory grow. */
export function fillMemory(): Block[] {
  const blocks: Block[] = [];
  const none = new Injector(new Set(Array.from({ length: 1000 }, (_, i) => i + 1)));
  for (let bytes = 2 ** 30; bytes >= 64; ) {
    try {
      none.during('grow', () => blocks.push(new Block(bytes)));
    } catch (error) {
      if (!isInjected(error)) throw error;
      bytes /= 2;
    }
  }
  return blocks;
}

/** Collects what was dropped, until as many bytes are allocated as before, or for 2 s. */
export async function collected(used: number): Promise<number> {
  setFlagsFromString('--expose-gc');
  const gc: () => void = runInNewContext('gc');
  for (let i = 0; i < 100 && memoryUsage().used > used; i++) {
    gc();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return memoryUsage().used;
}
