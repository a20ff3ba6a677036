/**
 * The hash of run.ts, the same in every runtime and in the tests of the sources. It changes where a
 * kernel's arithmetic does, and the failing test shows the new one.
 */
export const PINNED = '1a08448a76e2ce4bbb3b2d1d950df51037778b7fcb6243cf8eef25ffbfb58769';
