/**
 * The hash of run.ts, the same in every runtime and in the tests of the sources. It changes where a
 * kernel's arithmetic does, and the failing test shows the new one.
 */
export const PINNED = 'd4e8c21de53f0967b3e77898c0156db3ff4470b5cdd9b9cf59e1418ce885b596';

/**
 * The hash of run.ts on the relaxed kernels, by what useRelaxed() returns: engines that fuse a·b + c give one,
 * and those that do not give the strict one.
 */
export const RELAXED = {
  fused: '97438b055fe50925fdaf604c01faad2e13118b8f63ddc7adf9696d99dde8c8ce',
  unfused: PINNED,
};
