import type { Session } from '../../test/everywhere/runtime.ts';
import type { Request } from './works.ts';

/** A runtime's clock; where it is too coarse, ours less the time of an empty request. */
export class Clock {
  private overhead = 0;
  private coarse = false;

  constructor(private readonly session: Session) {}

  async prepare(): Promise<void> {
    const empty: number[] = [];
    for (let i = 0; i < 5; i++) {
      const start = performance.now();
      await this.ask({ ask: 'nothing' });
      empty.push(performance.now() - start);
    }
    this.overhead = Math.min(...empty);
  }

  ask(request: Request): Promise<unknown> {
    return this.session.ask(request);
  }

  /** The least of the times asked for, since a disturbance seldom meets all slices. */
  async time(request: Request): Promise<number> {
    if (request.ask === 'time' && this.coarse) {
      const slices: number[] = [];
      while (slices.length < request.slices)
        slices.push(await this.outside({ ...request, slices: 1 }));
      return Math.min(...slices);
    }
    return this.outside(request);
  }

  private async outside(request: Request): Promise<number> {
    const start = performance.now();
    const own = (await this.ask(request)) as number[];
    const outside = performance.now() - start - this.overhead;
    // Whole milliseconds are too coarse for slices of a few.
    this.coarse = own.every(Number.isInteger);
    return this.coarse ? Math.max(outside / own.length, 0.001) : Math.min(...own);
  }
}
