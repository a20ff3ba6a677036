import { aligned, offset, View } from '../memory/memory.ts';
import { Workspace } from '../memory/workspace.ts';
import type { Parameter } from '../tensor/parameter.ts';
import { distanceOf } from './gauge.ts';
import type { WatchedParameter } from './report.ts';

/** How far the optimizer's step moves the weights: keeps a copy from before it, and compares afterwards. */
export class Updates {
  private readonly workspace = new Workspace(this);
  private pending: { record: WatchedParameter; parameter: Parameter; at: number }[] = [];
  private versions = 0;

  /** Keeps a copy of the parameters' values. */
  begin(parameters: ReadonlyMap<WatchedParameter, Parameter>): void {
    let at = 0;
    this.pending = [];
    for (const [record, parameter] of parameters) {
      if (!parameter.requiresGrad) {
        record.updateNorm = 0;
        continue;
      }
      this.pending.push({ record, parameter, at });
      at += aligned(parameter.size * 4) / 4;
    }
    this.workspace.reserve(at * 4);
    for (const { parameter, at } of this.pending) {
      this.copyOf(at, parameter).f32.set(new View(parameter.ptr, parameter.size).f32);
    }
    this.versions = this.versionsNow();
  }

  /** Enters the updates' norms into the records if the weights have changed; whether it has. */
  settle(): boolean {
    if (this.pending.length === 0) return false;
    const gone = this.pending.some(({ parameter }) => parameter.disposed);
    if (!gone && this.versionsNow() === this.versions) return false;
    for (const { record, parameter, at } of gone ? [] : this.pending) {
      const { ptr } = this.copyOf(at, parameter);
      record.updateNorm = distanceOf(ptr, parameter.ptr, parameter.size);
    }
    this.pending = [];
    return !gone;
  }

  release(): void {
    this.pending = [];
    this.workspace.release();
  }

  private copyOf(at: number, { size }: Parameter): View {
    return new View(offset(this.workspace.ptr, at), size);
  }

  private versionsNow(): number {
    let sum = 0;
    for (const { parameter } of this.pending) sum += parameter.version;
    return sum;
  }
}
