/**
 * Red zones: canary words round every block of linear memory and every tensor of a plan's workspace, and
 * poison in what is freed or not written yet. `npm run test:redzones` runs all tests with this file as
 * set-up. It wraps the allocator, the slots and the plans, so that the library itself knows nothing of it.
 *
 * - A block has a zone before it and one from its last byte on. Both are checked when it is released and
 *   after each test. Its bytes are poison when it is allocated, and again after its release.
 * - A slot of a plan has zones round it too. Before an operation runs, what it overwrites (its output, its
 *   saved tensors, its scratch memory; in backward the gradients of its inputs) is poison. After it, the
 *   zones of all that it has touched are checked, and tensors that are no longer live become poison.
 *
 * Poison is a NaN: what is computed from it is not a number, and the tests' own expectations fail.
 */
import { afterEach, expect } from 'vitest';
import type { Use } from '../../src/graph/node.ts';
import { Plan } from '../../src/graph/plan.ts';
import { Slot } from '../../src/graph/slot.ts';
import { Allocator, aligned } from '../../src/memory/allocator.ts';
import type { Pointer } from '../../src/memory/memory.ts';
import { engine } from '../../src/runtime/engine.ts';

/** Bytes before and after each block and slot. */
const ZONE = 64;
/** Kept, because tests count the arrays that are made. */
const Words = Uint32Array;
/** NaNs that no kernel computes, which are also unlikely integers. */
const CANARY = 0x7fa5c0de;
const POISON = 0x7fa5dead;

const faults: string[] = [];

function words(at: number, bytes: number): Uint32Array {
  return new Words(engine().memory.buffer, at, bytes >>> 2);
}

/** Writes the zones round [start, start + bytes): to its end from the last whole word on. */
function paint(start: number, bytes: number): void {
  words(start - ZONE, ZONE).fill(CANARY);
  const tail = start + Math.ceil(bytes / 4) * 4;
  words(tail, start + aligned(bytes) + ZONE - tail).fill(CANARY);
}

function check(start: number, bytes: number, what: () => string): void {
  const tail = start + Math.ceil(bytes / 4) * 4;
  const zones = [
    words(start - ZONE, ZONE),
    words(tail, start + aligned(bytes) + ZONE - tail),
  ] as const;
  for (const [i, zone] of zones.entries()) {
    const at = zone.findIndex((word) => word !== CANARY);
    if (at < 0) continue;
    const place =
      i === 0 ? `${ZONE / 4 - at} elements before` : `${at + 1} elements after the end of`;
    faults.push(`written ${place} ${what()} (${bytes / 4} elements)`);
    zone.fill(CANARY); // told once
  }
}

function poison(at: number, bytes: number): void {
  words(at, bytes).fill(POISON);
}

// --- blocks ---

interface Held {
  bytes: number;
  /** The stack at its allocation: text, because an Error would keep the objects on the stack alive. */
  origin: string;
}

/** The blocks that are held now. */
const blocks = new Map<number, Held>();
/** Those released since the last allocation: `retake` wants their bytes, so they become poison then. */
const released = new Map<number, Held>();

function poisonReleased(): void {
  for (const [start, { bytes }] of released) poison(start, aligned(bytes));
  released.clear();
}

const { allocate, release, retake } = Allocator.prototype;
/** The allocator of linear memory. Tests make others, which stand on nothing. */
let real: Allocator | undefined;

function isReal(allocator: Allocator): boolean {
  const { extend } = allocator as unknown as { extend: unknown };
  if (!real && String(extend).includes('engine')) real = allocator;
  return allocator === real;
}

function whereMade(): string {
  return new Error().stack!.split('\n').slice(3, 10).join('\n');
}

Allocator.prototype.allocate = function (bytes) {
  if (!isReal(this)) return allocate.call(this, bytes);
  const size = Math.max(bytes, 1);
  const start = allocate.call(this, aligned(size) + 2 * ZONE) + ZONE;
  poisonReleased();
  poison(start, aligned(size));
  paint(start, size);
  blocks.set(start, { bytes: size, origin: whereMade() });
  return start;
};

Allocator.prototype.release = function (start, bytes) {
  if (!isReal(this)) return release.call(this, start, bytes);
  const size = Math.max(bytes, 1);
  const held = blocks.get(start);
  if (held?.bytes !== size) {
    faults.push(
      `release of ${bytes} bytes at ${start}, where ${held?.bytes ?? 'no'} bytes are held`,
    );
    return;
  }
  checkBlock(start, held);
  blocks.delete(start);
  release.call(this, start - ZONE, aligned(size) + 2 * ZONE);
  released.set(start, held);
};

Allocator.prototype.retake = function (start, bytes) {
  if (!isReal(this)) return retake.call(this, start, bytes);
  retake.call(this, start - ZONE, aligned(Math.max(bytes, 1)) + 2 * ZONE);
  const held = released.get(start);
  if (!held) {
    faults.push(`retake of ${bytes} bytes at ${start}, after an allocation`);
    return;
  }
  blocks.set(start, held);
  released.delete(start);
};

function checkBlock(start: number, { bytes, origin }: Held): void {
  check(start, bytes, () => `a block made at\n${origin}\n`);
}

// --- slots of plans ---

type Guarded = Use & { guarded?: true };

interface Inside {
  uses: readonly Guarded[];
  inputs: readonly { slot: Slot }[];
  scratch: Slot;
}

Object.defineProperty(Slot.prototype, 'bytes', {
  get(this: Slot) {
    return aligned(this.length * 4) + 2 * ZONE;
  },
});

Slot.prototype.attach = function (base) {
  this.moveTo((base + this.host.offset + ZONE) as Pointer);
};

const sizeOf = (slot: Slot) => slot.length * 4;

function lay(slot: Slot): void {
  poison(slot.ptr, aligned(sizeOf(slot)));
  paint(slot.ptr, sizeOf(slot));
}

/** Wraps an operation, so that its calls are watched. */
function guard(plan: Inside, use: Guarded, at: number): void {
  const { leaf } = use;
  const n = plan.uses.length;
  const inputs = () => use.inputs.map(({ slot }) => slot);
  const watch = (moment: number, overwritten: Slot[], read: Slot[], call: () => void) => {
    const scratch = plan.scratch.length > 0 ? [plan.scratch] : [];
    const fresh = overwritten.filter((slot) => !read.some(({ host }) => host === slot.host));
    for (const slot of [...fresh, ...scratch]) lay(slot);
    call();
    const all = [...overwritten, ...read, ...scratch];
    for (const slot of all) {
      const name = slot === plan.scratch ? 'scratch' : `[${slot.shape}]`;
      check(slot.ptr, sizeOf(slot), () => `a tensor ${name} of ${leaf} in a plan`);
    }
    // Not the gradients just written: the plan may still add them to others.
    const written = new Set(overwritten.map(({ host }) => host));
    for (const slot of read) {
      if (slot.host.to === moment && !written.has(slot.host)) poison(slot.ptr, sizeOf(slot));
    }
  };
  const run = () => {
    const saved = use.saved.filter(({ used }) => used);
    watch(at, [use.output.slot, ...saved], inputs(), () => leaf.run(use));
  };
  const runBackward = () => {
    const moment = (use.deferred ? 3 : 2) * n - 1 - at;
    const targets = use.targets
      .filter((target) => target?.deferred === use.deferred)
      .map((target) => target!.slot);
    const kept = [
      use.output.gradient!,
      ...(use.keepsOutput ? [use.output.slot] : []),
      ...(use.keepsInput ? inputs() : []),
      ...use.saved,
    ];
    watch(moment, targets, kept, () => leaf.runBackward(use));
  };
  const watched = new Proxy(leaf, {
    get(target, key) {
      if (key === 'run') return run;
      if (key === 'runBackward') return runBackward;
      const value = Reflect.get(target, key, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  Object.assign(use, { leaf: watched, guarded: true });
}

const { forward, backward } = Plan.prototype;

Plan.prototype.forward = function (observers) {
  const plan = this as unknown as Inside;
  for (const [i, use] of plan.uses.entries()) if (!use.guarded) guard(plan, use, i);
  for (const { slot } of plan.inputs) paint(slot.ptr, sizeOf(slot));
  forward.call(this, observers);
};

Plan.prototype.backward = function (observers, seeds) {
  for (const { gradient } of this.returned.values) paint(gradient!.ptr, sizeOf(gradient!));
  backward.call(this, observers, seeds);
};

afterEach(() => {
  poisonReleased();
  for (const [start, held] of blocks) checkBlock(start, held);
  const found = faults.splice(0);
  if (found.length > 0) expect.fail(`red zones: ${found.join('\n')}`);
});
