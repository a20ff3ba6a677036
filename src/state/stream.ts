import { bytesOf } from '../tensor/bytes.ts';
import { brief, describe } from '../tensor/check.ts';
import type { Input, Tensor } from '../tensor/tensor.ts';
import { tensorOf } from './elements.ts';
import { encode, layOut, type SafetensorsOptions } from './encode.ts';
import { byName, headerLength, parseHeader } from './header.ts';
import type { Safetensors } from './safetensors.ts';

type Bytes = Uint8Array<ArrayBuffer>;

/**
 * Where bytes may come from: a Response, a Blob or File, a ReadableStream, an async iterable such as Node's
 * streams, an array of pieces, or memory.
 */
export type ByteStream =
  | {
      readonly body: ReadableStream<Uint8Array> | null;
      readonly ok: boolean;
      readonly status: number;
    }
  | { stream(): ReadableStream<Uint8Array> }
  | ReadableStream<Uint8Array>
  | AsyncIterable<Uint8Array>
  | Iterable<Uint8Array>
  | ArrayBuffer
  | SharedArrayBuffer
  | ArrayBufferView;

/**
 * Reads a safetensors file from a stream, tensor by tensor: the file is never in memory as a whole.
 *
 * ```ts
 * const { tensors } = await readSafetensors(await fetch('model.safetensors'));
 * const { tensors } = await readSafetensors(createReadStream('model.safetensors'));
 * ```
 *
 * The result is that of `loadSafetensors`, and so are the errors. After an error the stream is cancelled.
 *
 * @throws TypeError if `source` gives no bytes
 * @throws RangeError as `loadSafetensors`, and if the server answered with an error
 */
export async function readSafetensors(source: ByteStream): Promise<Safetensors> {
  const who = 'readSafetensors';
  const intake = new Intake(who, piecesOf(who, source));
  try {
    const start = await intake.take(9);
    const length = headerLength(who, start);
    const rest = await intake.take(length - 1, 'header');
    const text = new Uint8Array(length);
    text.set(start.subarray(8));
    text.set(rest, 1);
    const header = parseHeader(who, text);
    const tensors = new Map<string, Tensor>();
    for (const { name, type, shape, from, to } of header.places) {
      tensors.set(name, tensorOf(type, shape, await intake.take(to - from, name)));
    }
    await intake.end();
    return { tensors: byName(header, tensors), metadata: header.metadata };
  } finally {
    await intake.close();
  }
}

/**
 * `saveSafetensors` piece by piece: first the header, then one piece a tensor, made when it is asked for. A
 * file, a Response and a stream can be written from it without the whole file in memory.
 *
 * ```ts
 * await writeFile('model.safetensors', safetensorsChunks(model.stateDict())); // node:fs/promises
 * const blob = new Blob([...safetensorsChunks(model.stateDict())]);
 * ```
 *
 * The state dict must not change until the last piece was taken; `stateDict()` is a copy that does not.
 *
 * @throws as `saveSafetensors`, before the first piece
 */
export function safetensorsChunks(
  state: Readonly<Record<string, Input>>,
  metadata: Readonly<Record<string, string>> = {},
  ...rest: [options?: SafetensorsOptions | undefined]
): Iterable<Uint8Array<ArrayBuffer>> {
  const who = 'safetensorsChunks';
  const { head, parts } = layOut(who, state, metadata, rest);
  return (function* () {
    yield head;
    for (const part of parts) if (part.bytes > 0) yield encode(who, part);
  })();
}

/** Takes bytes from pieces, as many as are asked for. It keeps only what has arrived. */
class Intake {
  private rest: Bytes = new Uint8Array(0);
  private taken = 0;

  constructor(
    private readonly who: string,
    private readonly pieces: AsyncIterator<Bytes>,
  ) {}

  /**
   * The next bytes.
   *
   * @param what what they are; if it is left out, there may be fewer
   * @throws RangeError if the stream ends before
   */
  async take(count: number, what?: string): Promise<Bytes> {
    const parts: Bytes[] = [];
    let missing = count;
    while (missing > 0) {
      if (this.rest.length === 0 && !(await this.pull())) break;
      const part = this.rest.subarray(0, missing);
      this.rest = this.rest.subarray(part.length);
      missing -= part.length;
      parts.push(part);
    }
    this.taken += count - missing;
    if (missing > 0 && what !== undefined) {
      throw new RangeError(
        `${this.who}: ${brief(what)}: expected a file of at least ${this.taken + missing} bytes, ` +
          `got ${this.taken}: it is truncated`,
      );
    }
    if (parts.length === 1) return parts[0]!;
    const bytes = new Uint8Array(count - missing);
    let at = 0;
    for (const part of parts) {
      bytes.set(part, at);
      at += part.length;
    }
    return bytes;
  }

  /** @throws RangeError if there are more bytes */
  async end(): Promise<void> {
    if (this.rest.length === 0 && !(await this.pull())) return;
    throw new RangeError(
      `${this.who}: expected ${this.taken} bytes, got more: something stands behind the tensors`,
    );
  }

  async close(): Promise<void> {
    await this.pieces.return?.();
  }

  private async pull(): Promise<boolean> {
    const { value, done } = await this.pieces.next();
    if (!done) this.rest = value;
    return !done;
  }
}

/** The pieces of a source that have bytes. Errors of the source itself pass through. */
async function* piecesOf(who: string, source: ByteStream): AsyncGenerator<Bytes, void> {
  const whole = bytesOf(source);
  if (whole) {
    if (whole.length > 0) yield whole;
    return;
  }
  for await (const piece of iterate(who, source)) {
    const bytes = bytesOf(piece);
    if (!bytes) {
      throw new TypeError(`${who}: expected pieces that are bytes, got ${describe(piece)}`);
    }
    if (bytes.length > 0) yield bytes.slice(); // its buffer may be used again for the next piece
  }
}

function iterate(who: string, source: unknown): AsyncIterable<unknown> | Iterable<unknown> {
  const given = (typeof source === 'object' && source ? source : {}) as Partial<
    Response & Blob & AsyncIterable<unknown> & Iterable<unknown> & ReadableStream
  >;
  if (given.ok === false) {
    throw new RangeError(`${who}: expected a file, got status ${given.status} from the server`);
  }
  const body = typeof given.getReader === 'function' ? (given as ReadableStream) : given.body;
  if (given.bodyUsed || body?.locked) {
    throw new TypeError(`${who}: expected a stream that nobody has read, got one in use`);
  }
  if (body === null) return []; // a Response without a body
  if (typeof body?.getReader === 'function') return fromReader(body);
  if (typeof given.stream === 'function') return fromReader(given.stream());
  if (given[Symbol.asyncIterator] || given[Symbol.iterator]) return given as Iterable<unknown>;
  throw new TypeError(
    `${who}: expected a stream of bytes (a Response, Blob, ReadableStream or async iterable), got ` +
      describe(source),
  );
}

/** Safari cannot iterate over a ReadableStream. */
async function* fromReader(stream: ReadableStream<unknown>): AsyncGenerator<unknown, void> {
  const reader = stream.getReader();
  let ended = false;
  try {
    while (true) {
      const { value, done } = await reader.read();
      ended = done;
      if (done) return;
      yield value;
    }
  } finally {
    if (!ended) await reader.cancel().catch(() => {}); // what happened before counts
    reader.releaseLock();
  }
}
