/**
 * The kernels' full names by those of the modules' exports. Here the two are the same. In dist/, where exports have
 * short names, a table takes the place of this one (scripts/names.ts).
 */
export const FULL_NAMES: Readonly<Record<string, string>> = {};
