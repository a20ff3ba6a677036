/** Messages of protocol buffers as bytes, by the reader and the writer of `@bufbuild/protobuf`. */
import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { type Draft, FIELDS, type Field, type Message, type MessageName } from './schema.ts';

/** The field of a message that has no value is this, so that an empty message stays small. */
const NOTHING: readonly never[] = Object.freeze([]);

/** Messages without fields that have values, from which all others inherit. */
const EMPTY: ReadonlyMap<MessageName, object> = new Map(
  [...FIELDS].map(([message, fields]) => {
    const repeated = [...fields.values()].filter((field) => field.repeated);
    return [
      message,
      Object.freeze(Object.fromEntries(repeated.map(({ name }) => [name, NOTHING]))),
    ];
  }),
);

/**
 * Reads a message. Nesting is bounded by the schema, where no message contains itself; lengths by the bytes
 * that are there.
 *
 * @throws Error of the reader if the bytes are no message
 */
export function decode<M extends MessageName>(message: M, bytes: Uint8Array): Message<M> {
  const fields = FIELDS.get(message)!;
  const result: Record<string, unknown> = { ...EMPTY.get(message)! };
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [number, wire] = reader.tag();
    // Groups, which ONNX does not have, would let `skip` call itself as deep as the file says.
    if (wire === WireType.StartGroup || wire === WireType.EndGroup)
      throw new RangeError(`a group in ${message}`);
    const field = fields.get(number);
    if (!field) reader.skip(wire, number);
    else if (field.repeated) append(result, field, reader, wire);
    else result[field.name] = readValue(field, reader, wire);
  }
  return result as Message<M>;
}

const WIRES: Partial<Record<string, WireType>> = {
  int32: WireType.Varint,
  int64: WireType.Varint,
  float: WireType.Bit32,
  double: WireType.Bit64,
};

function readValue({ name, kind }: Field, reader: BinaryReader, wire: WireType): unknown {
  if (wire !== (WIRES[kind] ?? WireType.LengthDelimited))
    throw new RangeError(`${name} expected as ${kind}, got wire type ${wire}`);
  switch (kind) {
    case 'int64':
      return Number(reader.int64());
    case 'int32':
    case 'float':
    case 'double':
    case 'string':
    case 'bytes':
      return reader[kind]();
    default:
      return decode(kind, reader.bytes());
  }
}

/** Adds one value, or the values of a packed field. */
function append(
  result: Record<string, unknown>,
  field: Field,
  reader: BinaryReader,
  wire: WireType,
): void {
  let list = result[field.name] as unknown[];
  if (list.length === 0) list = result[field.name] = [];
  const own = WIRES[field.kind];
  if (own === undefined || wire !== WireType.LengthDelimited) {
    list.push(readValue(field, reader, wire));
    return;
  }
  const packed = new BinaryReader(reader.bytes());
  while (packed.pos < packed.len) list.push(readValue(field, packed, own));
}

/** Writes a message. The same message always gives the same bytes. */
export function encode<M extends MessageName>(
  message: M,
  draft: Draft<M>,
): Uint8Array<ArrayBuffer> {
  const writer = new BinaryWriter();
  write(writer, message, draft as Record<string, unknown>);
  return writer.finish() as Uint8Array<ArrayBuffer>;
}

function write(writer: BinaryWriter, message: MessageName, draft: Record<string, unknown>): void {
  for (const [number, field] of FIELDS.get(message)!) {
    const value = draft[field.name];
    if (value === undefined) continue;
    const own = WIRES[field.kind];
    if (field.repeated && own !== undefined) {
      if ((value as number[]).length === 0) continue;
      writer.tag(number, WireType.LengthDelimited).fork();
      for (const each of value as number[]) writeValue(writer, field, each);
      writer.join();
      continue;
    }
    for (const each of field.repeated ? (value as unknown[]) : [value]) {
      writer.tag(number, own ?? WireType.LengthDelimited);
      writeValue(writer, field, each);
    }
  }
}

function writeValue(writer: BinaryWriter, { kind }: Field, value: unknown): void {
  switch (kind) {
    case 'int32':
    case 'int64':
    case 'float':
    case 'double':
      writer[kind](value as number);
      break;
    case 'string':
      writer.string(value as string);
      break;
    case 'bytes':
      writer.bytes(value as Uint8Array);
      break;
    default:
      writer.fork();
      write(writer, kind, value as Record<string, unknown>);
      writer.join();
  }
}
