import { brief, describe } from '../tensor/check.ts';
import { nearest } from '../tensor/options.ts';

/** How deep layers may stand in each other: a stranger's file must not end in a stack overflow. */
export const MAX_DEPTH = 128;

/** How many numbers an argument or option may consist of. */
const MAX_LIST = 64;

/** A value in a description, and where it stands: `model.layers[3].options`. */
export class Place {
  constructor(
    readonly who: string,
    readonly path: string,
    readonly value: unknown,
  ) {}

  /** The error for a value that cannot stand here. */
  unexpected(expected: string, way = ''): RangeError {
    return this.error(`expected ${expected}, got ${describe(this.value)}${way}`);
  }

  error(text: string, cause?: unknown): RangeError {
    return new RangeError(
      `${this.who}: ${this.path}: ${text}`,
      cause === undefined ? {} : { cause },
    );
  }

  /** A member of the object that stands here; its value is undefined if there is none. */
  at(name: string): Place {
    const object = this.object();
    const value = Object.hasOwn(object, name) ? object[name] : undefined;
    const path = /^[\w$]+$/.test(name) ? `.${brief(name)}` : `[${JSON.stringify(brief(name))}]`;
    return placeOf(this.who, this.path + path, value);
  }

  /** The same place with another value. */
  holding(value: unknown): Place {
    return placeOf(this.who, this.path, value);
  }

  /** The elements of the list that stands here. */
  list(): Place[] {
    const { value } = this;
    if (!Array.isArray(value)) throw this.unexpected('a list');
    return value.map((each, i) => placeOf(this.who, `${this.path}[${i}]`, each));
  }

  object(): Record<string, unknown> {
    const { value } = this;
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      return value as Record<string, unknown>;
    }
    throw this.unexpected('an object');
  }

  text(): string {
    const { value } = this;
    if (typeof value !== 'string') throw this.unexpected('a text');
    return value;
  }

  texts(): string[] {
    return this.list().map((each) => each.text());
  }

  /** What an argument or option may be: a number, a text, true, false, null, or a list of numbers. */
  plain(): unknown {
    const { value } = this;
    const numbers = Array.isArray(value) && value.length <= MAX_LIST;
    if (numbers && value.every((each) => typeof each === 'number')) return value;
    if (value === null || ['number', 'string', 'boolean'].includes(typeof value)) return value;
    throw this.unexpected(
      `a number, a text, true, false, null or a list of up to ${MAX_LIST} numbers`,
    );
  }

  /** @throws RangeError if the object that stands here has members other than these */
  only(names: readonly string[], what: string): void {
    for (const name of Object.keys(this.object())) {
      if (names.includes(name)) continue;
      throw this.at(name).error(`${what}: ${meant(name, names)}`);
    }
  }

  /** Calls what makes a layer, and adds this place to its errors. */
  making<T>(make: () => T): T {
    try {
      return make();
    } catch (cause) {
      const { message } = cause as Error;
      if (message.startsWith(`${this.who}: model`)) throw cause;
      throw this.error(brief(message, 400), cause);
    }
  }
}

/** What to write instead of an unknown name. */
export function meant(name: string, names: readonly string[]): string {
  const near = name.length <= 64 ? nearest(name, names) : undefined;
  return near ? `did you mean ${near}?` : `expected ${names.join(', ') || 'nothing'}`;
}

// Outside of the class: a class that names itself in its body has another name in bundles.
function placeOf(who: string, path: string, value: unknown): Place {
  return new Place(who, path, value);
}
