/**
 * One call of a kernel, described by its data, and everything that must hold of it. A test says what goes
 * in, what comes out and which float64 answer it expects; kernelCase lays this out in poisoned memory and
 * checks what every kernel owes. CONTRIBUTING.md ("Tests") shows one.
 */
import { expect } from 'vitest';
import type { Kernels, Pointer } from '../../src/generated/kernels.ts';
import { expectClose, type Tolerance } from './close.ts';
import { divided } from './divided.ts';
import { Arena, type Block } from './kernels.ts';
import type { Struct } from './struct.ts';

/** Values in linear memory: typed arrays as they are, other arrays as float32. */
export type Values = ArrayLike<number>;
export type Numbers = Float32Array | Float64Array | Int32Array | Uint8Array;
type Type = 'f32' | 'f64' | 'i32' | 'u8';

/** An array that the kernel writes without reading it. Without a tolerance, values must be equal. */
export interface Output extends Tolerance {
  /** What the float64 reference gives. Without it, the values must only be written. */
  expected?: ArrayLike<number>;
  /** How many values there are, where `expected` does not say. */
  length?: number;
  type?: Type;
  /** The entries that this call must not write; it must write all others. */
  untouched?: (index: number) => boolean;
  /** Several pieces of the range may write the same entry, with the same bits. */
  shared?: boolean;
}

/** An array that the kernel reads and writes: an accumulated gradient, a moment, a running mean. */
export interface Update extends Tolerance {
  start: Values;
  expected?: ArrayLike<number>;
}

/** What the kernel returns. Pieces of a range return numbers that add up to it. */
export interface Returned extends Tolerance {
  expected: number;
  /** Allowed relative difference between the whole and the sum of its pieces; 1e-12 by default. */
  pieces?: number;
}

/** The range that the kernel takes, `total` elements, rows or channels from 0. */
export interface Range {
  total: number;
  /** The range may be cut at multiples of this; 16 by default, 1 where it may be cut anywhere. */
  step?: number;
}

/** Of every brand: a test says itself what stands where. */
type AnyPointer = Pointer<never>;

type Named<Name extends string, T> = { readonly [N in Name]: T | undefined };

/** `undefined` in the place of an array or struct is an absent pointer, 0. */
export interface KernelCase<
  I extends string,
  O extends string,
  U extends string,
  S extends string,
  Z extends string,
> {
  /** Stands before the message of a failure. */
  name?: string;
  inputs?: Named<I, Values>;
  outputs?: Named<O, Output>;
  updates?: Named<U, Update>;
  /** Bytes of each scratch block: a number, or what the kernel's own `…Scratch` function says. */
  scratch?: Named<
    S,
    number | ((kernels: Kernels, structs: { readonly [N in Z]: AnyPointer }) => number)
  >;
  /** Structs of sizes. */
  structs?: Named<Z, Struct>;
  /** Given, the kernel runs whole and again in pieces, which must give the same bits. */
  range?: number | Range;
  /** For each output, the inputs over which it may be written: the same bits must come out. */
  inPlace?: { readonly [N in NoInfer<O>]?: NoInfer<I> | readonly NoInfer<I>[] };
  returns?: Returned;
  call(
    kernels: Kernels,
    pointers: { readonly [N in I | O | U | S | Z]: AnyPointer },
    from: number,
    to: number,
  ): unknown;
}

/** A quiet NaN as a float32 and, twice, as a float64; an int32 that no test expects. */
const POISON = 0x7ff9a5a5;
const NULL = 0 as AnyPointer;
const WIDTH: Record<Type, number> = { f32: 4, f64: 8, i32: 4, u8: 1 };

let shared: Arena | undefined;

/**
 * Runs the kernel and fails unless
 * - outputs and updates are the expected values, within their tolerances;
 * - every output is written whole, and computed from nothing that was not passed;
 * - inputs, structs and the canary words around every block are as before;
 * - pieces of the range write what is theirs alone, and give the bits of the whole;
 * - so do the shares into which `useThreads` divides the call;
 * - outputs written over inputs (`inPlace`) have the same bits.
 *
 * @returns copies of the outputs and updates, and the number that the kernel returned
 */
export function kernelCase<
  I extends string = never,
  O extends string = never,
  U extends string = never,
  S extends string = never,
  Z extends string = never,
>(
  described: KernelCase<I, O, U, S, Z>,
): { values: { readonly [N in O | U]: Numbers }; returned: number } {
  const { name = '', range, returns, inPlace = {} } = described;
  const label = name && `${name}: `;
  const { total, step = 16 } = rangeOf(range);

  const whole = new Placed(described as Described, `${label}`);
  const returned = whole.run(0, total);
  whole.checkWritten();
  const values = whole.values();
  for (const [kind, { expected, ...tolerance }] of whole.expectations()) {
    if (expected) expectClose(values[kind]!, expected, tolerance, `${label}${kind}`);
  }
  if (returns) {
    const { expected, pieces: _, ...tolerance } = returns;
    expectClose([returned], [expected], tolerance, `${label}returned value`);
  }

  const pieces = cut(total, step);
  if (pieces.length > 1) {
    const parts = new Placed(described as Described, `${label}in pieces of its range, `);
    const sum = parts.runPieces(pieces);
    same(parts.values(), values, `${label}in pieces of its range`);
    if (returns) {
      const tolerance = { rtol: returns.pieces ?? 1e-12 };
      expectClose([sum], [returned], tolerance, `${label}sum of the pieces' returned values`);
    }
  }
  for (const threads of [2, 3, 7]) {
    const shares = new Placed(described as Described, `${label}divided among ${threads} threads, `);
    if (shares.runDivided(threads)) {
      same(shares.values(), values, `${label}divided among ${threads} threads`);
    }
  }
  for (const [output, over] of Object.entries(inPlace) as [O, I | readonly I[]][]) {
    for (const input of [over].flat() as I[]) {
      const what = `${label}${output} over ${input}, `;
      const placed = new Placed(described as Described, what, { output, input });
      // Later pieces first: a piece that reads what another has overwritten shows.
      for (const [from, to] of pieces.length > 0 ? [...pieces].reverse() : [[0, total] as const]) {
        placed.run(from, to);
      }
      same(placed.values(), values, `${label}${output} over ${input}`);
    }
  }
  return { values: values as { readonly [N in O | U]: Numbers }, returned };
}

type Described = KernelCase<string, string, string, string, string>;
type Expectation = Tolerance & { expected?: ArrayLike<number> };

/** A case in linear memory. Only one is alive at a time: they share an arena. */
class Placed {
  private readonly arena: Arena;
  private readonly blocks = new Map<string, Block>();
  private readonly pointers: Record<string, AnyPointer> = {};
  private readonly outputs: [name: string, output: Output][];
  private readonly scratch: Block[] = [];
  /** What must not change, and its bytes. */
  private readonly kept: [name: string, block: Block, bytes: Uint8Array][] = [];

  constructor(
    private readonly described: Described,
    private readonly label: string,
    overlay?: { output: string; input: string },
  ) {
    this.arena = shared ??= new Arena();
    this.arena.reset();
    const { inputs, outputs, updates, scratch, structs } = described;
    const keep = (name: string, block: Block) =>
      this.kept.push([name, block, block.u8.slice()] as const);

    for (const [name, values] of entries(inputs)) {
      const block = this.place(name, values.length, typeOf(values));
      view(block, typeOf(values)).set(values);
      if (name !== overlay?.input) keep(name, block);
    }
    for (const [name, { start }] of entries(updates)) {
      view(this.place(name, start.length, typeOf(start)), typeOf(start)).set(start);
    }
    this.outputs = entries(outputs).filter(([name]) => name !== overlay?.output);
    for (const [name, { expected, length = expected?.length, type = 'f32' }] of entries(outputs)) {
      if (length === undefined) throw new Error(`${name}: give its length or what is expected`);
      if (name === overlay?.output) this.lay(name, this.blocks.get(overlay.input)!);
      else poison(this.place(name, length, type));
    }
    for (const [name, { layout, values }] of entries(structs)) {
      const block = this.arena.struct(layout, values);
      this.lay(name, block);
      keep(name, block);
    }
    for (const [name, size] of entries(scratch)) {
      const bytes = typeof size === 'number' ? size : size(this.arena.kernels, this.pointers);
      const block = this.arena.bytes(bytes);
      this.scratch.push(block);
      this.lay(name, block);
    }
    for (const group of [inputs, outputs, updates, scratch, structs]) {
      for (const name of Object.keys(group ?? {})) this.pointers[name] ??= NULL;
    }
  }

  /** Calls the kernel, and checks what it must leave alone. */
  run(from: number, to: number, kernels = this.arena.kernels): number {
    const { arena, described, label } = this;
    for (const block of this.scratch) poison(block);
    const returned = described.call(kernels, this.pointers, from, to);
    arena.checkCanaries(label);
    for (const [name, block, bytes] of this.kept) {
      const now = block.u8;
      if (Buffer.compare(now, bytes) === 0) continue;
      const at = now.findIndex((byte, i) => byte !== bytes[i]);
      expect.fail(`${label}${name}: written at byte ${at}, and may only be read`);
    }
    return typeof returned === 'number' ? returned : 0;
  }

  /** Runs piece after piece, the last one first, and puts together what each one wrote. */
  runPieces(pieces: readonly (readonly [number, number])[]): number {
    const merged = this.outputs.map(([name]) => words(this.blocks.get(name)!).fill(POISON).slice());
    let sum = 0;
    for (const [from, to] of [...pieces].reverse()) {
      for (const [name] of this.outputs) poison(this.blocks.get(name)!);
      sum += this.run(from, to);
      for (const [k, [name, output]] of this.outputs.entries()) {
        const all = merged[k]!;
        words(this.blocks.get(name)!).forEach((word, i) => {
          if (word === POISON) return;
          if (all[i] !== POISON && !(output.shared && all[i] === word)) {
            const place = this.index(output, i);
            const what = `${name}[${place}] is written by the range [${from}, ${to}) and by another`;
            expect.fail(`${this.label}${what}`);
          }
          all[i] = word;
        });
      }
    }
    for (const [k, [name]] of this.outputs.entries()) {
      words(this.blocks.get(name)!).set(merged[k]!);
    }
    return sum;
  }

  /** Runs the whole range as a pool of threads divides it. Returns whether it did. */
  runDivided(threads: number): boolean {
    const { total } = rangeOf(this.described.range);
    const { kernels, calls } = divided(this.arena, threads);
    this.run(0, total, kernels);
    return calls() > 0;
  }

  checkWritten(): void {
    for (const [name, output] of this.outputs) {
      words(this.blocks.get(name)!).forEach((word, i) => {
        const index = this.index(output, i);
        const spared = output.untouched?.(index) ?? false;
        if (word === POISON && !spared) {
          const what = 'not written, or computed from memory that holds nothing yet';
          expect.fail(`${this.label}${name}[${index}]: ${what}`);
        }
        if (word !== POISON && spared) {
          expect.fail(`${this.label}${name}[${index}]: written, and belongs to nobody here`);
        }
      });
    }
  }

  expectations(): [string, Expectation][] {
    const { outputs, updates } = this.described;
    return [
      ...entries(outputs).map(
        ([name, { length: _, type: __, untouched: ___, shared: ____, ...rest }]) =>
          [name, rest] as [string, Expectation],
      ),
      ...entries(updates).map(
        ([name, { start: _, ...rest }]) => [name, rest] as [string, Expectation],
      ),
    ];
  }

  values(): Record<string, Numbers> {
    const { outputs, updates } = this.described;
    const types: [string, Type][] = [
      ...entries(outputs).map(([name, { type = 'f32' }]) => [name, type] as [string, Type]),
      ...entries(updates).map(([name, { start }]) => [name, typeOf(start)] as [string, Type]),
    ];
    return Object.fromEntries(
      types.map(([name, type]) => [name, view(this.blocks.get(name)!, type).slice()]),
    );
  }

  /** A block that is aligned to its numbers and to nothing more, each one another way. */
  private place(name: string, length: number, type: Type): Block {
    const skew = ((this.blocks.size + 1) % 4) * WIDTH[type];
    const block = this.arena.bytes(length * WIDTH[type], type === 'u8' ? 0 : skew);
    this.lay(name, block);
    return block;
  }

  private lay(name: string, block: Block): void {
    if (name in this.pointers) throw new Error(`two arrays are named ${name}`);
    this.blocks.set(name, block);
    this.pointers[name] = block.ptr;
  }

  /** The index of the value that a word belongs to. */
  private index({ type = 'f32' }: Output, word: number): number {
    return Math.floor((word * 4) / WIDTH[type]);
  }
}

function rangeOf(range: number | Range | undefined): Range {
  return typeof range === 'object' ? range : { total: range ?? 0 };
}

/** The range in at most three pieces, cut at multiples of `step`; one piece where it is no longer than that. */
function cut(total: number, step: number): [from: number, to: number][] {
  const edges = new Set([0, step, Math.floor((total - 1) / step) * step, total]);
  const inside = [...edges].filter((edge) => edge >= 0 && edge <= total).sort((a, b) => a - b);
  return inside.slice(1).map((to, i) => [inside[i]!, to]);
}

function same(
  actual: Record<string, Numbers>,
  expected: Record<string, Numbers>,
  what: string,
): void {
  for (const [name, values] of Object.entries(expected)) {
    const [a, e] = [actual[name]!, values].map((v) => new Uint8Array(v.buffer));
    if (Buffer.compare(a!, e!) === 0) continue;
    const byte = e!.findIndex((v, i) => v !== a![i]);
    const at = Math.floor(byte / values.BYTES_PER_ELEMENT);
    const message = `expected the bits of ${values[at]}, got ${actual[name]![at]}`;
    expect.fail(`${what}: ${name}[${at}]: ${message}`);
  }
}

function entries<T>(group: Readonly<Record<string, T | undefined>> | undefined): [string, T][] {
  return Object.entries(group ?? {}).filter((entry): entry is [string, T] => !!entry[1]);
}

function typeOf(values: Values): Type {
  if (values instanceof Float64Array) return 'f64';
  if (values instanceof Int32Array) return 'i32';
  return values instanceof Uint8Array ? 'u8' : 'f32';
}

function view(block: Block, type: Type): Numbers {
  return block[type];
}

function words(block: Block): Uint32Array {
  const { buffer, byteOffset, byteLength } = block.u8;
  return new Uint32Array(buffer, byteOffset, byteLength >> 2);
}

function poison(block: Block): void {
  words(block).fill(POISON);
}
