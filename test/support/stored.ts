/** How goldens are stored (common.py beside them), without a file system, so that every runtime can read. */

export interface GoldenTensor {
  shape: number[];
  data: Float32Array | Float64Array | Int32Array;
}

// biome-ignore lint/suspicious/noExplicitAny: a case's plain values are whatever its script wrote
export type GoldenCase = Record<string, any>;

/** A reviver for JSON.parse: tensors as typed arrays. */
export function revive(_: string, value: unknown): unknown {
  return isStored(value) ? decode(value) : value;
}

type Stored = { shape: number[]; f32?: string; f64?: string; i32?: string };

function isStored(value: unknown): value is Stored {
  return (
    typeof value === 'object' &&
    value !== null &&
    'shape' in value &&
    ('f32' in value || 'f64' in value || 'i32' in value)
  );
}

function decode({ shape, f32, f64, i32 }: Stored): GoldenTensor {
  const bytes = Uint8Array.from(atob((f32 ?? f64 ?? i32)!), (c) => c.charCodeAt(0));
  const data =
    f32 !== undefined
      ? new Float32Array(bytes.buffer)
      : f64 !== undefined
        ? new Float64Array(bytes.buffer)
        : new Int32Array(bytes.buffer);
  return { shape, data };
}
