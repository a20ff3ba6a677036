/** JSON from files that strangers may have written. */
import { brief, describe } from '../tensor/check.ts';

/**
 * The value of a JSON text. A name `__proto__` is a property like any other.
 *
 * @param what where the text stands, with which messages begin: `loadSafetensors: header`
 * @param depth how many arrays and objects may stand in each other
 * @throws RangeError for bytes that are not UTF-8, a byte order mark, a text that is not JSON, deeper nesting,
 *   and names that occur twice in an object
 */
export function parseJson(what: string, source: string | Uint8Array, depth: number): unknown {
  try {
    const text = typeof source === 'string' ? source : decoded(source);
    scan(text, depth);
    return JSON.parse(text);
  } catch (cause) {
    const { message } = cause as Error;
    throw new RangeError(`${what} expected JSON: ${brief(message, 200)}`, { cause });
  }
}

function decoded(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new RangeError('the text is not UTF-8', { cause });
  }
}

/** @throws RangeError for nesting that JSON.parse may not survive, and for names that it would overwrite */
function scan(text: string, depth: number): void {
  const names: Set<string>[] = [];
  let last = '';
  for (let i = 0; i < text.length; i++) {
    const char = text[i];
    if (char === '"') {
      const start = i++;
      for (; i < text.length && text[i] !== '"'; i++) if (text[i] === '\\') i++;
      last = text.slice(start, i + 1);
    } else if (char === ':') {
      const name: unknown = JSON.parse(last); // undoes escapes: "\u0061" is "a"
      const within = names.at(-1);
      if (within?.has(name as string)) {
        throw new RangeError(`the name ${brief(last)} occurs twice`);
      }
      within?.add(name as string);
    } else if (char === '{' || char === '[') {
      names.push(new Set());
      if (names.length > depth) {
        throw new RangeError(`nested deeper than ${depth} levels at character ${i}`);
      }
    } else if (char === '}' || char === ']') names.pop();
  }
}

/**
 * @throws RangeError unless `value` is an object of JSON: not an array, a text, a number or null
 */
export function objectOf(what: string, value: unknown): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return value as Record<string, unknown>;
  }
  throw new RangeError(`${what} expected an object, got ${describe(value)}`);
}
