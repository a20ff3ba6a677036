/** What the mutation of files needs to know about a reader of files. */

import type { Module } from '../../../src/index.ts';

/** A reader of files, and valid files for it. */
export interface FileReader {
  /** The public function. */
  name: string;
  /** What the messages of its errors match; by default they begin with the name. */
  errors?: RegExp;
  /** Valid files: small, and together with every feature of the format. */
  seeds: () => Uint8Array<ArrayBuffer>[] | Promise<Uint8Array<ArrayBuffer>[]>;
  /** Reads a file, and loads it into a model if the format is for models. */
  read: (bytes: Uint8Array<ArrayBuffer>) => unknown;
  /** What no failed read may change: the state of the model that is loaded into, as text. */
  untouched?: () => string;
  /** Checks what was read from a mutated file that is still valid; throws if it is not what the file says. */
  check?: (result: never, bytes: Uint8Array<ArrayBuffer>) => void;
  /** How many bytes a read may allocate for each byte of the file, in addition to 1 MiB. */
  bytesPerByte: number;
  /**
   * The part of a file behind a checksum, a length or a compression, which random changes of the file would
   * not get past: half of the mutations change it, and `close` makes a file of it.
   */
  inside?: {
    open: (file: Uint8Array<ArrayBuffer>) => Uint8Array<ArrayBuffer>;
    close: (
      inside: Uint8Array<ArrayBuffer>,
      file: Uint8Array<ArrayBuffer>,
    ) => Uint8Array<ArrayBuffer>;
  };
}

/** All of a model's state as text, to the bit. */
export function stateText(model: Module): string {
  const entries = Object.entries(model.stateDict());
  const bits = ({ buffer }: Float32Array) => Buffer.from(buffer).toString('base64');
  return entries.map(([name, tensor]) => `${name} ${bits(tensor.toArray())}`).join('\n');
}
