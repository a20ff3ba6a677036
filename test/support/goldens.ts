/**
 * Reads test/goldens/NAME.json, written by test/goldens/NAME.py with PyTorch (see common.py there).
 * A file is a list of cases; a case has plain JSON values and tensors as { shape, f32 | i32 | f64:
 * base64 of little-endian bytes }.
 */
import { readFileSync } from 'node:fs';

export interface GoldenTensor {
  shape: number[];
  data: Float32Array | Float64Array | Int32Array;
}

// biome-ignore lint/suspicious/noExplicitAny: a case's plain values are whatever its script wrote
export type GoldenCase = Record<string, any>;

export function readGoldens(name: string): GoldenCase[] {
  const text = readFileSync(new URL(`../goldens/${name}.json`, import.meta.url), 'utf8');
  return JSON.parse(text, (_, value) => (isStored(value) ? decode(value) : value));
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
  const bytes = Uint8Array.from(Buffer.from((f32 ?? f64 ?? i32)!, 'base64'));
  const data =
    f32 !== undefined
      ? new Float32Array(bytes.buffer)
      : f64 !== undefined
        ? new Float64Array(bytes.buffer)
        : new Int32Array(bytes.buffer);
  return { shape, data };
}
