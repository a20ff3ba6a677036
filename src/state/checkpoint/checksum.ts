/** The checksum of a checkpoint, by which damage is seen wherever it is: CRC-32 of the whole file. */

/** How the checksum stands in the header. In a text of JSON within the header the quotes are escaped. */
const KEY = '"checksum":"';
const DIGITS = 8;

/** What stands in the header before the checksum is known, and while it is computed. */
export const BLANK = '0'.repeat(DIGITS);

/** The reflected polynomial of CRC-32 (ISO/IEC 8802-3). */
const POLYNOMIAL = 0xedb88320;

let table: Int32Array | undefined;

/** The remainders of all bytes. */
function remainders(): Int32Array {
  const made = new Int32Array(256);
  for (let byte = 0; byte < 256; byte++) {
    let rest = byte;
    for (let bit = 0; bit < 8; bit++) rest = rest & 1 ? (rest >>> 1) ^ POLYNOMIAL : rest >>> 1;
    made[byte] = rest;
  }
  return made;
}

/** Continues a CRC-32 with these bytes. */
function advance(rest: number, bytes: Uint8Array): number {
  table ??= remainders();
  let state = rest;
  for (let i = 0; i < bytes.length; i++) state = table[(state ^ bytes[i]!) & 255]! ^ (state >>> 8);
  return state;
}

/** The checksum of a file whose digits from `at` on count as `BLANK`. */
function checksumOf(bytes: Uint8Array, at: number): string {
  let state = advance(-1, bytes.subarray(0, at));
  state = advance(state, new TextEncoder().encode(BLANK));
  state = advance(state, bytes.subarray(at + DIGITS));
  return ((state ^ -1) >>> 0).toString(16).padStart(DIGITS, '0');
}

/** Where the digits stand; −1 if they do not. */
function placeOf(bytes: Uint8Array): number {
  if (bytes.length < 8) return -1;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = Math.min(8 + Number(view.getBigUint64(0, true)), bytes.length) - DIGITS;
  const first = KEY.charCodeAt(0);
  for (let at = bytes.indexOf(first, 8); at >= 0; at = bytes.indexOf(first, at + 1)) {
    if (at + KEY.length > end) return -1;
    let i = 1;
    while (i < KEY.length && bytes[at + i] === KEY.charCodeAt(i)) i++;
    if (i === KEY.length) return at + i;
  }
  return -1;
}

/** Writes the checksum into a file that has `BLANK` in its place. */
export function seal(bytes: Uint8Array): void {
  const at = placeOf(bytes);
  bytes.set(new TextEncoder().encode(BLANK), at);
  bytes.set(new TextEncoder().encode(checksumOf(bytes, at)), at);
}

/** What is wrong with a file that should be a checkpoint; undefined if it is as it was written. */
export function damageOf(bytes: Uint8Array): string | undefined {
  const at = placeOf(bytes);
  if (at < 0) return 'it has no checksum: it is cut off, or not a checkpoint';
  const found = new TextDecoder('latin1').decode(bytes.subarray(at, at + DIGITS));
  const expected = checksumOf(bytes, at);
  if (found === expected) return undefined;
  return `its checksum is ${expected}, not ${/^\w+$/.test(found) ? found : 'a number'}: it is damaged`;
}
