/**
 * The hash of run.ts, the same in every runtime and in the tests of the sources. It changes where a
 * kernel's arithmetic does, and the failing test shows the new one.
 */
export const PINNED = '7fbc08e39567bbd4898fb99eb5f63307335bcf805a78cb8b2af7f961df51980e';
