/** Whether assembly/unpack.ts packs: set by the compiler's option --use (scripts/kernels.ts). */
declare const ENCODE: boolean;
