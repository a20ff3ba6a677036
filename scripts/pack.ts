/**
 * Packs a wasm module for assembly/unpack.ts. The choice of copies is a shortest path through the bytes,
 * whose lengths are the costs of the decisions in bits. The costs come from the previous pass and settle
 * after a few passes.
 */
import type { Packed } from '../src/runtime/unpack.ts';

/** The first context of each kind of decision, as in assembly/unpack.ts. A number takes 640. */
const CONTEXTS = {
  /** Is it a copy? By whether the last two were and by the byte before. */
  copy: 0,
  /** From as far back as the last copy? By the same two. */
  again: 1024,
  /** Lengths: after a new distance, after the last one again. */
  length: [1028, 1668],
  /** Distances of copies of 2, 3 and more bytes. */
  distance: [2308, 2948, 3588],
  /** Literal bytes, by the kind of place they are at. */
  literal: 4228,
  size: 4228 + 32 * 256,
} as const;

/** Number of decisions after which the adaptation rate of a probability stays constant. */
const SETTLED = 19;

/** Takes decisions one by one. */
type Sink = (context: number, bit: number) => void;

interface Step {
  /** Number of bytes that the step encodes. */
  readonly length: number;
  /** Distance to the bytes that are copied; 0 for a literal byte. */
  readonly distance: number;
}

const PASSES = 4;
/** Candidates looked at for a copy, and the longest copy tried at every length. */
const DEPTH = 600;
const LONGEST = 400;

function writeNumber(sink: Sink, context: number, value: number): void {
  const digits = 31 - Math.clz32(value);
  for (let i = 0; i < digits; i++) sink(context + i, 1);
  sink(context + digits, 0);
  for (let i = digits; i-- > 0; ) {
    const above = value >>> (i + 1);
    sink(context + 32 * (digits + 1) + (above < 8 ? above : 8 + i), (value >>> i) & 1);
  }
}

/** The decisions of one step; `last` is the distance of the copy before, `past` the kinds before. */
function writeStep(
  sink: Sink,
  bytes: Uint8Array,
  at: number,
  { length, distance }: Step,
  last: number,
  past: number,
): void {
  sink(CONTEXTS.copy + past * 256 + (bytes[at - 1] ?? 0), distance > 0 ? 1 : 0);
  if (distance === 0) {
    const context = CONTEXTS.literal + 256 * classOf(bytes[at - 2] ?? 0, bytes[at - 1] ?? 0);
    const byte = bytes[at]! | 256;
    for (let i = 8; i-- > 0; ) sink(context + (byte >> (i + 1)), (byte >> i) & 1);
    return;
  }
  const again = distance === last ? 1 : 0;
  sink(CONTEXTS.again + past, again);
  const coded = again ? length : length - 1;
  writeNumber(sink, CONTEXTS.length[again]!, coded);
  if (!again) writeNumber(sink, CONTEXTS.distance[Math.min(coded, 3) - 1]!, distance);
}

/** Which of 32 contexts a literal has, given the two bytes before it, `before` and `last`. */
function classOf(before: number, last: number): number {
  if (last >= 0x20 && last <= 0x22) return last - 0x20; // local.get, set, tee: a local comes
  if (last === 0xfd) return 3; // a SIMD instruction comes
  if (last === 0x41) return 4; // a constant comes
  if (before >= 0x20 && before <= 0x22) return before - 0x20 + 5; // that was a local
  if (before === 0xfd) return 8 + (last >> 5); // that was a SIMD instruction
  return 16 + (last >> 4);
}

function writeAll(sink: Sink, bytes: Uint8Array, steps: readonly Step[]): void {
  let at = 0;
  let last = 1;
  let past = 0;
  for (const step of steps) {
    writeStep(sink, bytes, at, step, last, past);
    at += step.length;
    if (step.distance) last = step.distance;
    past = ((past << 1) & 2) | (step.distance ? 1 : 0);
  }
}

/** For each place the copies worth trying: increasing lengths, each at the smallest distance that has it. */
function findCopies(bytes: Uint8Array): Step[][] {
  const previous = new Int32Array(bytes.length).fill(-1);
  const newest = new Map<number, number>();
  return Array.from(bytes, (_, at) => {
    const found: Step[] = [];
    if (at + 1 >= bytes.length) return found;
    const pair = bytes[at]! * 256 + bytes[at + 1]!;
    let longest = 1;
    let tries = DEPTH;
    for (let from = newest.get(pair) ?? -1; from >= 0 && tries-- > 0; from = previous[from]!) {
      if (bytes[from + longest] !== bytes[at + longest]) continue;
      const length = runLength(bytes, at, at - from);
      if (length <= longest) continue;
      found.push({ length, distance: at - from });
      longest = length;
    }
    previous[at] = newest.get(pair) ?? -1;
    newest.set(pair, at);
    return found;
  });
}

/** How many bytes from `at` on equal the bytes `distance` before them. */
function runLength(bytes: Uint8Array, at: number, distance: number): number {
  let length = 0;
  while (at + length < bytes.length && bytes[at + length] === bytes[at + length - distance])
    length++;
  return length;
}

/** The cost of decisions in bits, from how often each was 1 in the steps of a pass. */
function costsOf(bytes: Uint8Array, steps: readonly Step[]): Float64Array[] {
  const counts = [0, 1].map(() => new Float64Array(CONTEXTS.size).fill(0.4));
  writeAll((context, bit) => counts[bit]![context]!++, bytes, steps);
  return counts.map((own) =>
    own.map((count, i) => -Math.log2(count / (counts[0]![i]! + counts[1]![i]!))),
  );
}

/** The cost in bits of numbers coded from a context on. Each is computed once, at the first request. */
function numberPrices(context: number, most: number, costs: Float64Array[]): (n: number) => number {
  const known = new Float64Array(most + 1).fill(-1);
  let price = 0;
  const sink: Sink = (at, bit) => {
    price += costs[bit]![at]!;
  };
  return (value) => {
    if (known[value]! < 0) {
      price = 0;
      writeNumber(sink, context, value);
      known[value] = price;
    }
    return known[value]!;
  };
}

/** The cheapest steps through all bytes at given costs. */
function cheapest(bytes: Uint8Array, copies: readonly Step[][], costs: Float64Array[]): Step[] {
  const end = bytes.length;
  const [no, yes] = costs as [Float64Array, Float64Array];
  const priceOf = (context: number) => numberPrices(context, end, costs);
  const [lengthAnew, lengthAgain] = CONTEXTS.length.map(priceOf) as ReturnType<typeof priceOf>[];
  const distances = CONTEXTS.distance.map(priceOf);
  // The cheapest way to each place: its price, its last step, the last distance and kinds on it.
  const total = new Float64Array(end + 1).fill(Infinity);
  const lengths = new Int32Array(end + 1);
  const distance = new Int32Array(end + 1);
  const last = new Int32Array(end + 1).fill(1);
  const past = new Uint8Array(end + 1);
  total[0] = 0;
  const take = (at: number, length: number, from: number, price: number): void => {
    const to = at + length;
    if (price >= total[to]!) return;
    total[to] = price;
    lengths[to] = length;
    distance[to] = from;
    last[to] = from || last[at]!;
    past[to] = ((past[at]! << 1) & 2) | (from ? 1 : 0);
  };
  for (let at = 0; at < end; at++) {
    const before = bytes[at - 1] ?? 0;
    const copy = CONTEXTS.copy + past[at]! * 256 + before;
    const again = CONTEXTS.again + past[at]!;

    const literal = CONTEXTS.literal + 256 * classOf(bytes[at - 2] ?? 0, before);
    const byte = bytes[at]! | 256;
    let price = total[at]! + no[copy]!;
    for (let i = 8; i-- > 0; ) price += costs[(byte >> i) & 1]![literal + (byte >> (i + 1))]!;
    take(at, 1, 0, price);

    const same = total[at]! + yes[copy]! + yes[again]!;
    const repeated = at >= last[at]! ? runLength(bytes, at, last[at]!) : 0;
    for (
      let length = 1;
      length <= repeated;
      length += length < LONGEST ? 1 : repeated - length || 1
    ) {
      take(at, length, last[at]!, same + lengthAgain!(length));
    }

    const anew = total[at]! + yes[copy]! + no[again]!;
    let shortest = 2;
    for (const { length: longest, distance: from } of copies[at]!) {
      if (from === last[at]) continue;
      for (let length = shortest; length <= longest; length++) {
        if (length >= LONGEST) length = longest;
        const way = distances[Math.min(length - 1, 3) - 1]!(from);
        take(at, length, from, anew + lengthAnew!(length - 1) + way);
      }
      shortest = Math.min(longest, LONGEST) + 1;
    }
  }
  const steps: Step[] = [];
  for (let at = end; at > 0; at -= lengths[at]!) {
    steps.push({ length: lengths[at]!, distance: distance[at]! });
  }
  return steps.reverse();
}

/** The encoder, the inverse of the unpacker: each decision narrows an interval, [low, low + range). */
function encode(bytes: Uint8Array, steps: readonly Step[]): string {
  const digits: number[] = [];
  const chances = new Uint16Array(CONTEXTS.size).fill(32768);
  const seen = new Uint8Array(CONTEXTS.size);
  let low = 0;
  let range = 2 ** 24;
  const shift = (): void => {
    const digit = low >>> 18;
    if (digit > 63) for (let i = digits.length - 1; ++digits[i]! > 63; i--) digits[i] = 0;
    digits.push(digit & 63);
    low = (low & 0x3ffff) << 6;
    range *= 64;
  };
  writeAll(
    (context, bit) => {
      while (range <= 0x40000) shift();
      const chance = chances[context]!;
      const step = Math.floor(32768 / (2 * seen[context]! + 3));
      const bound = (range >>> 12) * (chance >>> 4);
      if (seen[context]! < SETTLED) seen[context]!++;
      if (!bit) low += bound;
      range = bit ? bound : range - bound;
      chances[context] = chance + Math.trunc((((bit << 16) - chance) * step) / 16384);
    },
    bytes,
    steps,
  );
  for (let i = 0; i < 4; i++) shift();
  return String.fromCharCode(...digits.map((digit) => digit + (digit > 0x22 ? 0x3e : 0x28)));
}

/** The module as text. */
export function pack(bytes: Uint8Array): Packed {
  const copies = findCopies(bytes);
  let steps: Step[] = Array.from(bytes, () => ({ length: 1, distance: 0 }));
  // The first pass has no statistics of copies: each of their decisions costs about a bit.
  let costs = costsOf(bytes, steps).map((own) => own.fill(1, 0, CONTEXTS.literal));
  for (let pass = 0; pass < PASSES; pass++) {
    steps = cheapest(bytes, copies, costs);
    costs = costsOf(bytes, steps);
  }
  return { text: encode(bytes, steps), size: bytes.length };
}
