/**
 * The modules that the strict kernels are cut into: the name of each in build/ and src/generated, its export list
 * in assembly/, and whose kernels it has.
 */
export const MODULES = [
  { name: 'core', list: 'index', of: 'the module that every bundle has' },
  { name: 'common', list: 'common', of: 'the module of what many networks need and many do not' },
  { name: 'extra', list: 'extra', of: 'the module beside it' },
  { name: 'inspect', list: 'inspect', of: 'the module of evenkeel/inspect' },
  { name: 'ops', list: 'ops', of: 'the module of operations on tensors' },
  { name: 'spatial', list: 'spatial', of: 'the module of convolutions and max pooling' },
  { name: 'volume', list: 'volume', of: 'the module of volumes' },
] as const;

/** The files of the export lists. */
export const LISTS: readonly string[] = MODULES.map(({ list }) => `assembly/${list}.ts`);
