/**
 * Exact quantiles without sorting. Bits of a float32, with those of negative numbers turned over, are in the
 * order of the numbers. So the number of a rank is found digit by digit: a pass counts the first digits (11
 * bits), and the digit of the rank follows from the running sum of the counts; a second pass counts the next
 * 11 bits of numbers that begin with a digit found, and a third the last 10. All ranks share the passes.
 *
 *   rank ─▶ counts of digit 1 ─▶ place 1 ─▶ counts of digit 2 at that place ─▶ place 2 ─▶ … of digit 3
 *
 * A place is a beginning that some rank has; there are at most as many as ranks. After a pass, its counts
 * are overwritten with the number of the place that each digit leads to, from 1, or 0 for none.
 */
import { at } from '../lanes';
import { isFiniteBits } from './finite';

/** Digits of 11, 11 and 10 bits. */
const FIRST: i32 = 2048;
const SECOND: i32 = 2048;
const THIRD: i32 = 1024;

/** Two ranks a quantile: the numbers below and above it. */
const RANKS: i32 = 2;

/** Bytes of scratch that `quantiles` takes for so many of them, of n numbers. */
export function quantilesScratch(n: i32, count: i32): f64 {
  return 4 * (<f64>n + <f64>FIRST + <f64>(RANKS * (SECOND + THIRD + 3)) * <f64>count);
}

/**
 * Quantiles of the finite ones of n numbers, by linear interpolation between the two nearest ranks, and how
 * many finite numbers there are. Quantile f lies at rank f·(m − 1) of m, counted from 0. Without a finite
 * number all quantiles are NaN.
 */
export function quantiles(
  values: usize, // [count] f64
  x: usize, // [n] f32
  n: i32,
  fractions: usize, // [count] f64, in [0, 1]
  count: i32,
  scratch: usize, // quantilesScratch(n, count)
): i32 {
  const ranks = RANKS * count;
  const first = scratch;
  const second = at(first, FIRST);
  const third = at(second, ranks * SECOND);
  const rest = at(third, ranks * THIRD); // [ranks] i32, a rank within its place
  const place = at(rest, ranks); // [ranks] i32
  const found = at(place, ranks); // [ranks] i32, the digits found so far
  const keys = at(found, ranks); // [n] i32, those of numbers that still matter
  const end = at(x, n);

  memory.fill(first, 0, FIRST << 2);
  let last = keys;
  let p = x;
  while (p < end) {
    const bits = load<i32>(p);
    if (isFiniteBits(bits)) {
      const key = keyOf(bits);
      store<i32>(last, key);
      last += 4;
      increment(at(first, key >>> 21));
    }
    p += 4;
  }
  const finite = <i32>((last - keys) >> 2);
  if (finite == 0) {
    for (let i = 0; i < count; i++) store<f64>(values + ((<usize>i) << 3), NaN);
    return 0;
  }
  for (let i = 0; i < count; i++) {
    const low = <i32>positionOf(fractions, i, finite);
    store<i32>(at(rest, RANKS * i), low);
    store<i32>(at(rest, RANKS * i + 1), min(low + 1, finite - 1));
  }
  memory.fill(place, 0, (<usize>ranks) << 2);
  memory.fill(found, 0, (<usize>ranks) << 2);
  descend(first, FIRST, 1, ranks, rest, place, found, second, SECOND);

  let stop = last;
  last = keys;
  p = keys;
  while (p < stop) {
    const key = load<i32>(p);
    const leads = load<i32>(at(first, key >>> 21));
    if (leads) {
      store<i32>(last, key);
      last += 4;
      increment(at(second, (leads - 1) * SECOND + ((key >>> 10) & (SECOND - 1))));
    }
    p += 4;
  }
  descend(second, SECOND, ranks, ranks, rest, place, found, third, THIRD);

  stop = last;
  p = keys;
  while (p < stop) {
    const key = load<i32>(p);
    const leads = load<i32>(at(first, key >>> 21));
    const on = load<i32>(at(second, (leads - 1) * SECOND + ((key >>> 10) & (SECOND - 1))));
    if (on) increment(at(third, (on - 1) * THIRD + (key & (THIRD - 1))));
    p += 4;
  }
  for (let j = 0; j < ranks; j += RANKS) findBoth(third, THIRD, j, rest, place, found);

  for (let i = 0; i < count; i++) {
    const position = positionOf(fractions, i, finite);
    const low = numberOf(load<i32>(at(found, RANKS * i)));
    const high = numberOf(load<i32>(at(found, RANKS * i + 1)));
    store<f64>(values + ((<usize>i) << 3), low + (high - low) * (position - floor(position)));
  }
  return finite;
}

/** @inline */
function positionOf(fractions: usize, i: i32, finite: i32): f64 {
  return load<f64>(fractions + ((<usize>i) << 3)) * <f64>(finite - 1);
}

/**
 * Bits whose unsigned order is the order of the numbers.
 * @inline
 */
function keyOf(bits: i32): i32 {
  return bits ^ ((bits >> 31) | (1 << 31));
}

/** The number with this key; −0 counts as 0. */
function numberOf(key: i32): f64 {
  return <f64>reinterpret<f32>(key < 0 ? key ^ (1 << 31) : ~key) + 0;
}

/** @inline */
function increment(p: usize): void {
  store<i32>(p, load<i32>(p) + 1);
}

/**
 * Finds the next digit of every rank from the counts of a pass, and overwrites the counts with the places
 * that the digits lead to. Clears the counts of those places, for the next pass.
 */
function descend(
  counts: usize, // [places, digits] i32
  digits: i32,
  places: i32,
  ranks: i32,
  rest: usize,
  place: usize,
  found: usize,
  next: usize, // [ranks, nextDigits] i32
  nextDigits: i32,
): void {
  for (let j = 0; j < ranks; j += RANKS) findBoth(counts, digits, j, rest, place, found);
  let used = 0;
  for (let j = 0; j < ranks; j++) used = max(used, load<i32>(at(place, j)) + 1);
  memory.fill(counts, 0, (<usize>(min(used, places) * digits)) << 2);
  let leads = 0;
  for (let j = 0; j < ranks; j++) {
    const digit = load<i32>(at(found, j)) & (digits - 1);
    const p = at(counts, load<i32>(at(place, j)) * digits + digit);
    if (load<i32>(p) == 0) store<i32>(p, ++leads);
    store<i32>(at(place, j), load<i32>(p) - 1);
  }
  memory.fill(next, 0, (<usize>(leads * nextDigits)) << 2);
}

/**
 * Finds the next digits of the ranks j and j + 1 in the counts at their places, appends them to what was
 * found, and makes the ranks relative. The second rank is the first or follows it, so at the same place its
 * digit is looked for from the first's on.
 */
function findBoth(
  counts: usize,
  digits: i32,
  j: i32,
  rest: usize,
  place: usize,
  found: usize,
): void {
  const start = at(counts, load<i32>(at(place, j)) * digits);
  const next = at(counts, load<i32>(at(place, j + 1)) * digits);
  const rank = load<i32>(at(rest, j));
  const digit = find(start, 0, rank, at(rest, j), at(found, j), digits);
  const after = load<i32>(at(rest, j + 1));
  if (next == start) {
    const passed = rank - load<i32>(at(rest, j));
    find(start, digit, after - passed, at(rest, j + 1), at(found, j + 1), digits);
  } else {
    find(next, 0, after, at(rest, j + 1), at(found, j + 1), digits);
  }
}

/** Finds the digit of a rank in counts, where `rank` is counted from the digit `from`. Returns the digit. */
function find(
  counts: usize,
  from: i32,
  rank: i32,
  rest: usize, // [1] i32, the rank among the numbers of its digit
  found: usize, // [1] i32, updated
  digits: i32,
): i32 {
  let digit = from;
  let p = at(counts, digit);
  // Sixteen at a time, as long as the rank is beyond them. The rank is among the counts, so this ends.
  while (digit + 16 <= digits) {
    const pair = i32x4.add(v128.load(p), v128.load(p, 16));
    const sum = i32x4.add(pair, i32x4.add(v128.load(p, 32), v128.load(p, 48)));
    const here =
      i32x4.extract_lane(sum, 0) +
      i32x4.extract_lane(sum, 1) +
      (i32x4.extract_lane(sum, 2) + i32x4.extract_lane(sum, 3));
    if (rank < here) break;
    rank -= here;
    p += 64;
    digit += 16;
  }
  while (true) {
    const here = load<i32>(p);
    if (rank < here) break;
    rank -= here;
    p += 4;
    digit++;
  }
  store<i32>(rest, rank);
  store<i32>(found, load<i32>(found) * digits + digit);
  return digit;
}
