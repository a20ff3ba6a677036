/**
 * The hash of run.ts, the same in every runtime and in the tests of the sources. It changes where a
 * kernel's arithmetic does, and the failing test shows the new one.
 */
export const PINNED = 'd4e8c21de53f0967b3e77898c0156db3ff4470b5cdd9b9cf59e1418ce885b596';
