/** The index of the API reference, as scripts/docs/api.ts writes it and the site reads it. */

export interface Entry {
  readonly name: string;
  /** Its page in docs/api, without .md. */
  readonly page: string;
  /** Whether it is an interface or type alias. */
  readonly isType: boolean;
  /** The heading that it stands under. */
  readonly room: string;
}

/** The public modules, in the order of the subpaths. */
export type Reference = { name: string; page: string; entries: Entry[] }[];

/** The headings of the main module's names, by where their sources are; the first that fits counts. */
const ROOMS: readonly (readonly [pattern: RegExp, room: string])[] = [
  [/src\/layers\/(batchnorm|norm)\//, 'Normalization'],
  [/src\/(module|layers\/(residual|add|concat)\.)/, 'Composition'],
  [/src\/layers\//, 'Layers'],
  [/src\/losses\//, 'Losses'],
  [/src\/optim\/(schedule|onecycle)/, 'Schedules'],
  [/src\/optim\//, 'Optimizers'],
  [/src\/train\//, 'Training'],
  [/src\/analysis\//, 'Analysis'],
  [/src\/(tensor|graph)\//, 'Tensors'],
];

export const OTHERS = 'Runtime';

export function roomOf(source: string): string {
  return ROOMS.find(([pattern]) => pattern.test(source))?.[1] ?? OTHERS;
}

/** All headings, in the order in which the sidebar shows them. */
export const ROOM_ORDER = [
  ...['Normalization', 'Layers', 'Composition', 'Losses', 'Optimizers', 'Schedules'],
  ...['Training', 'Analysis', 'Tensors', OTHERS],
];
