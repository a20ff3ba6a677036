/**
 * The messages between a page and its Worker. All that come in are read here, once, into values of our own:
 *
 * - A message is ours if its `evenkeel` is one of the kinds below and its `run` a whole number. All others
 *   belong to somebody else on the same port, and are left alone.
 * - If a field of ours is missing or is not what it must be, reading gives a `Fault`, which says what came.
 */
import type { StateDict } from '../module/module.ts';
import { describe } from '../tensor/check.ts';
import { type Shape, shapeText, sizeOf } from '../tensor/shape.ts';
import { Tensor } from '../tensor/tensor.ts';

/**
 * What a run ends with if the Worker itself fails: it died, it was terminated, or it sent or got a message
 * that cannot be read. What is thrown in the Worker's set-up and steps keeps its own class.
 */
export class WorkerError extends Error {
  override readonly name = 'WorkerError';
}

/** A message from the page to the Worker. `run` is the number of the run. */
export type Request =
  | { readonly evenkeel: 'train'; readonly run: number; readonly data: unknown }
  /** `announce` comes right before `train`, and says whose data a message that cannot be read had. */
  | { readonly evenkeel: 'announce' | 'snapshot' | 'stop' | 'abort'; readonly run: number };

/** A message from the Worker to the page, as the page reads it. */
export type Reply =
  | { readonly evenkeel: 'progress'; readonly run: number; readonly steps: readonly unknown[] }
  | { readonly evenkeel: 'snapshot' | 'done'; readonly run: number; readonly state: StateDict }
  | { readonly evenkeel: 'error'; readonly run: number; readonly error: Error };

/** A state dict in a message: plain objects, because messages lose prototypes. */
export type PlainState = Record<string, { readonly data: Float32Array; readonly shape: Shape }>;

/** An error in a message: a plain object, because engines differ in which parts of an Error they clone. */
export interface PlainError {
  readonly name: string;
  readonly message: string;
  readonly stack: string;
}

/** A message of ours that cannot be read. */
export interface Fault {
  readonly evenkeel: 'fault';
  readonly run: number;
  /** What was expected, and what came. */
  readonly reason: string;
}

/** Returns a field's value as one of our own, or throws an Error that says what is wrong. */
type Reader = (value: unknown) => unknown;

/** The fields of each kind of message, besides `evenkeel` and `run`. */
type Kinds = Readonly<Record<string, Readonly<Record<string, Reader>>>>;

const REQUESTS: Kinds = {
  announce: {},
  train: { data: (value) => value },
  snapshot: {},
  stop: {},
  abort: {},
};

const REPLIES: Kinds = {
  progress: { steps: listOf },
  snapshot: { state: stateOf },
  done: { state: stateOf },
  error: { error: errorOf },
};

/** Reads what the Worker got from the page; undefined if it is not ours. */
export function readRequest(message: unknown): Request | Fault | undefined {
  return read(REQUESTS, message) as Request | Fault | undefined;
}

/** Reads what the page got from the Worker; undefined if it is not ours. */
export function readReply(message: unknown): Reply | Fault | undefined {
  return read(REPLIES, message) as Reply | Fault | undefined;
}

function read(kinds: Kinds, message: unknown): object | undefined {
  let head: { evenkeel: string; run: number };
  try {
    const { evenkeel, run } = message as typeof head;
    if (typeof evenkeel !== 'string' || !Object.hasOwn(kinds, evenkeel)) return undefined;
    if (!Number.isSafeInteger(run)) return undefined;
    head = { evenkeel, run };
  } catch {
    return undefined; // null, or an object whose getters throw
  }
  const fields: [string, unknown][] = [];
  for (const [name, reader] of Object.entries(kinds[head.evenkeel]!)) {
    try {
      if (!Object.hasOwn(message as object, name)) throw new TypeError('it is missing');
      fields.push([name, reader((message as Record<string, unknown>)[name])]);
    } catch (thrown) {
      const why = plainError(thrown).message;
      return {
        ...head,
        evenkeel: 'fault',
        reason: `a bad '${head.evenkeel}' message: ${name}: ${why}`,
      };
    }
  }
  return { ...head, ...Object.fromEntries(fields) };
}

function listOf(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw new TypeError(`expected an array, got ${described(value)}`);
  return [...value];
}

function stateOf(value: unknown): StateDict {
  const entries = Object.entries(objectOf(value)).map(([name, entry]): [string, Tensor] => {
    const { data, shape } = objectOf(entry) as { data: unknown; shape: Shape };
    if (!(Array.isArray(shape) && shape.every((n) => Number.isInteger(n) && n >= 0))) {
      const got = Array.isArray(shape) ? shapeText(shape) : described(shape);
      throw new TypeError(`${name}: expected whole extents ≥ 0, got ${got}`);
    }
    if (!isFloat32Array(data) || data.length !== sizeOf(shape)) {
      const got = isFloat32Array(data) ? data.length : described(data);
      throw new TypeError(`${name} expected ${shapeText(shape)} float32 numbers, got ${got}`);
    }
    return [name, new Tensor(shape, data)];
  });
  return Object.fromEntries(entries);
}

/** Also for one of another realm, such as an iframe's. */
function isFloat32Array(value: unknown): value is Float32Array {
  return (
    ArrayBuffer.isView(value) && (value as Float32Array)[Symbol.toStringTag] === 'Float32Array'
  );
}

function objectOf(value: unknown): object {
  if (typeof value === 'object' && value) return value;
  throw new TypeError(`expected an object, got ${described(value)}`);
}

const KINDS = new Map<string, new (message: string) => Error>(
  Object.entries({ RangeError, TypeError, SyntaxError, ReferenceError, WorkerError }),
);

/** Makes an Error of a plain object again, with its class if it is a built-in one, and with its stack. */
function errorOf(value: unknown): Error {
  const { name, message, stack } = objectOf(value) as Record<keyof PlainError, unknown>;
  for (const part of [name, message, stack]) {
    if (typeof part !== 'string') throw new TypeError(`expected text, got ${described(part)}`);
  }
  const error = new (KINDS.get(name as string) ?? Error)(message as string);
  if (error.name !== name) error.name = name as string;
  if (stack) error.stack = stack as string;
  return error;
}

/** Converts a thrown value to a plain object for a message. Never throws, whatever was thrown. */
export function plainError(thrown: unknown): PlainError {
  const part = (name: keyof PlainError): string | undefined => {
    try {
      if (!(thrown instanceof Error)) return undefined;
      const { [name]: value } = thrown;
      return value === undefined ? undefined : textOf(value);
    } catch {
      return undefined; // a getter or a Proxy's trap threw
    }
  };
  return {
    name: part('name') ?? 'Error',
    message: part('message') ?? textOf(thrown),
    stack: part('stack') ?? '',
  };
}

/** A value as text. Never throws: an object without `toString`, for example, is told by its kind. */
export function textOf(value: unknown): string {
  try {
    return String(value);
  } catch {
    return `${described(value)} that has no text`;
  }
}

function described(value: unknown): string {
  try {
    return describe(value);
  } catch {
    return 'an object';
  }
}
