/**
 * Reads test/goldens/NAME.json, written by test/goldens/NAME.py with PyTorch (see common.py there).
 * A file is a list of cases; a case has plain JSON values and tensors as { shape, f32 | i32 | f64:
 * base64 of little-endian bytes }.
 */
import { readFileSync } from 'node:fs';
import { type GoldenCase, type GoldenTensor, revive } from './stored.ts';

export type { GoldenCase, GoldenTensor };

export function readGoldens(name: string): GoldenCase[] {
  const text = readFileSync(new URL(`../goldens/${name}.json`, import.meta.url), 'utf8');
  return JSON.parse(text, revive);
}
