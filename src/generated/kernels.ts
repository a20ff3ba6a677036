// Made by scripts/generate.ts from the compiled kernels. Do not edit.

/** A byte address in linear memory; 0 means "absent". */
export type Pointer = number & { readonly __pointer: unique symbol };

export interface Kernels {
  biasBackward(db: Pointer, dy: Pointer, rows: number, n: number, from: number, to: number): void;
  biasForward(y: Pointer, b: Pointer, n: number, from: number, to: number): void;
}
