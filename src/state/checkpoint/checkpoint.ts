import { bytesOf } from '../../tensor/bytes.ts';
import { brief, checkRecord, describe, isPlain, unexpected } from '../../tensor/check.ts';
import { checkCount } from '../../tensor/options.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import type { Progress } from '../../train/history.ts';
import type { Resumption } from '../../train/options.ts';
import { parseJson } from '../json.ts';
import { loadSafetensors, type Safetensors, saveSafetensors } from '../safetensors.ts';
import { BLANK, damageOf, seal } from './checksum.ts';
import { type Handler, handlerOf, type Part } from './parts.ts';
import { placeAfter, Resume } from './resume.ts';
import { stateOfRun } from './run.ts';
import { DEEPEST, type Packed, pack, unpack } from './tree.ts';

/** The version of the format. It rises when older programs could no longer read a file rightly. */
const VERSION = 1;

/** Values that a checkpoint holds beside the parts. */
export type Extra = Readonly<Record<string, unknown>>;

/** Parts by names of your choice. A list is for several parts of a kind; what is undefined is left out. */
export type Parts = Readonly<Record<string, Part | readonly Part[] | undefined>>;

/** Parts, and under the name `progress` what `fit` yielded last. */
export interface SavedParts {
  readonly progress?: Progress | undefined;
  readonly [name: string]: Part | readonly Part[] | Progress | undefined;
}

/** What `loadCheckpoint` returns. */
export interface LoadedCheckpoint {
  /** For `fit`'s option `resume`; undefined if the file has no `progress`. */
  readonly resume: Resumption | undefined;
  /** The values that were given to `saveCheckpoint`. */
  readonly extra: Record<string, unknown>;
  /** The names of the file's parts. */
  readonly parts: readonly string[];
}

/** A part as it stands in the metadata. */
interface Stored extends Packed {
  readonly kind: string;
  readonly more: unknown;
}

/** The metadata of a checkpoint. */
interface Content {
  readonly version: number;
  readonly parts: Readonly<Record<string, Stored>>;
  readonly progress: unknown;
  /** What the run of `fit` keeps besides its place. */
  readonly run: Packed | null;
  readonly extra: Packed;
}

/**
 * Writes the whole state of a training run as the bytes of one file. A run that `loadCheckpoint` restores from
 * it has exactly the bits of a run that was never interrupted.
 *
 * ```ts
 * for await (const progress of fit(model, data, { loss, optimizer, schedule, epochs: 10 })) {
 *   average.update();
 *   if (progress.step % 100 === 0) {
 *     await store.write(saveCheckpoint({ model, optimizer, schedule, average, progress }, { classNames }));
 *   }
 * }
 * ```
 *
 * A part is an object with state, under a name of your choice: a Module, an Optimizer, a Schedule, an
 * ExponentialMovingAverage, a Generator, a `Batches`, a scaler, or any object with `stateDict()` and
 * `loadStateDict()`. With a module, the generators of its layers are stored, the default generator included
 * if a Dropout uses it. Under the name `progress` it takes what `fit` yielded last: the place in the run and
 * in the data, and the generator that shuffles. In a loop of your own, give the `Batches` instead, and in
 * `extra` the number of the epoch. Not stored are what your program sets: modes, frozen parameters, hyperparameters
 * of layers.
 *
 * The file is a safetensors file. The tensors of a part have its name as prefix, such as `model.0.weight`.
 *
 * @param extra texts, numbers, booleans, null, Tensors and Float32Arrays, and lists and objects of them: class
 *   names, counters of early stopping, sums of the running epoch. NaN and infinities are kept.
 * @throws TypeError for a part that has no state, or a value in `extra` that cannot be stored
 * @throws RangeError if `progress` is not that of the last step, or if a name is unusable
 * @throws Error if an average is applied: the model's weights would be lost
 */
export function saveCheckpoint(
  parts: SavedParts,
  ...rest: [extra?: Extra | undefined]
): Uint8Array<ArrayBuffer> {
  const who = 'saveCheckpoint';
  const [extra = {}, ...more] = rest;
  checkCount(who, more);
  if (!isPlain(extra)) throw unexpected(`${who}: extra`, 'values by name', extra);
  const { handlers, progress } = handlersOf(who, parts);
  const tensors = new Map<string, Tensor>();
  const stored = [...handlers].map(([name, handler]): [string, Stored] => {
    const packed = pack(who, name, handler.state(), tensors);
    return [name, { kind: handler.kind, more: handler.more(), ...packed }];
  });
  const found = progress === undefined ? undefined : placeAfter(who, progress);
  const content: Content = {
    version: VERSION,
    parts: Object.fromEntries(stored),
    progress: found?.place ?? null,
    run: found ? pack(who, 'progress', stateOfRun(found.run), tensors) : null,
    extra: pack(who, 'extra', extra, tensors),
  };
  const bytes = saveSafetensors(Object.fromEntries(tensors), {
    evenkeel: JSON.stringify(content),
    checksum: BLANK,
  });
  seal(bytes);
  return bytes;
}

/**
 * Restores the state of a training run from the bytes of `saveCheckpoint`.
 *
 * ```ts
 * const { resume, extra } = loadCheckpoint(bytes, { model, optimizer, schedule, average });
 * for await (const progress of fit(model, data, { loss, optimizer, schedule, epochs: 10, resume })) …
 * ```
 *
 * Make the parts as the program did that saved them: the same layers, groups and options. Parts of the file
 * that are not given are left alone; so `loadCheckpoint(bytes, { model })` is enough to predict. All is
 * checked first: if this throws, everything has the state that it had.
 *
 * @throws TypeError if `source` is not an ArrayBuffer or a view of one, or if a part is not one
 * @throws RangeError if the file is damaged, is not a checkpoint, comes from a newer version, lacks a part that
 *   is given, or if a part does not fit
 */
export function loadCheckpoint(
  source: ArrayBuffer | ArrayBufferView,
  ...rest: [parts?: Parts | undefined]
): LoadedCheckpoint {
  const who = 'loadCheckpoint';
  const [parts = {}, ...more] = rest;
  checkCount(who, more);
  const { handlers, progress } = handlersOf(who, parts as SavedParts);
  if (progress !== undefined) {
    throw new TypeError(`${who}: expected no progress: give fit the resume that is returned`);
  }
  const { content, tensors } = contentOf(who, source);
  const names = Object.keys(content.parts);
  const extra = unpack(who, 'extra', content.extra, tensors);
  checkRecord(`${who}: extra`, extra, 'values');
  const place = content.progress;
  const run = content.run ? unpack(who, 'progress', content.run, tensors) : undefined;
  const resume = place ? new Resume(`${who}: progress`, place, run) : undefined;
  const loads = [...handlers].map(([name, handler]) => {
    const where = `${who}: ${name}`;
    if (!names.includes(name)) {
      const has = brief(names.join(', ')) || 'none';
      throw new RangeError(`${where} is not in the file, which has ${has}`);
    }
    const { kind, more } = content.parts[name] ?? {};
    if (kind !== handler.kind) {
      const got = typeof kind === 'string' ? brief(kind) : describe(kind);
      throw new RangeError(`${where} expected the state of a ${handler.kind}, got ${got}`);
    }
    const state = unpack(who, name, content.parts[name], tensors);
    const load = within(where, () => handler.prepare(where, state, more));
    return { where, handler, load };
  });
  checkLists(who, parts, names);
  // A schedule sets learning rates, which the optimizer's state then overrides. What can fail in spite of all
  // checks comes before the models, whose loading cannot.
  loads.sort((a, b) => a.handler.order - b.handler.order);
  const undo = loads.map(({ handler }) => handler.snapshot());
  try {
    for (const { where, load } of loads) within(where, load);
  } catch (error) {
    for (const restore of undo) {
      try {
        restore();
      } catch {
        // the first error says what went wrong
      }
    }
    throw error;
  }
  return { resume, extra: extra as Record<string, unknown>, parts: names };
}

/** The handlers of the parts by their names; those of a list have the names `schedule.0`, `schedule.1`, …. */
function handlersOf(
  who: string,
  given: SavedParts,
): { handlers: Map<string, Handler>; progress: Progress | undefined } {
  checkRecord(who, given, 'parts');
  const { progress, ...parts } = given;
  const handlers = new Map<string, Handler>();
  for (const [name, part] of Object.entries(parts)) {
    if (part === undefined) continue;
    if (!/^[A-Za-z]\w*$/.test(name) || name === 'extra') {
      throw new RangeError(
        `${who}: the part ${brief(name)} expected a name of letters and digits other than extra`,
      );
    }
    const list: [string, unknown][] = Array.isArray(part)
      ? part.map((entry, i) => [`${name}.${i}`, entry])
      : [[name, part]];
    for (const [full, entry] of list) handlers.set(full, handlerOf(who, full, entry));
  }
  return { handlers, progress };
}

/** @throws RangeError if the file has more of a list than is given */
function checkLists(who: string, parts: Parts, names: readonly string[]): void {
  for (const [name, part] of Object.entries(parts)) {
    if (!Array.isArray(part) || !names.includes(`${name}.${part.length}`)) continue;
    throw new RangeError(
      `${who}: ${name} expected a list as long as the file's, got ${part.length}`,
    );
  }
}

/** Reads a file up to the states of its parts. */
function contentOf(
  who: string,
  source: ArrayBuffer | ArrayBufferView,
): { content: Content; tensors: Safetensors['tensors'] } {
  const bytes = bytesOf(source);
  if (!bytes) throw unexpected(`${who}:`, 'an ArrayBuffer or Uint8Array', source);
  const damage = damageOf(bytes);
  if (damage) throw new RangeError(`${who}: not a checkpoint, or no longer: ${damage}`);
  const { tensors, metadata } = within(who, () => loadSafetensors(bytes));
  const json = metadata.evenkeel;
  if (typeof json !== 'string') {
    throw new RangeError(`${who}: not a checkpoint: metadata.evenkeel is missing`);
  }
  const content = parseJson(`${who}: metadata.evenkeel`, json, DEEPEST) as Content;
  const { version, parts } = content ?? {};
  if (version !== VERSION) {
    const got = typeof version === 'number' ? version : describe(version);
    throw new RangeError(
      `${who}: expected version ${VERSION} of the format, got ${got}: use the version of evenkeel that wrote it`,
    );
  }
  checkRecord(`${who}: parts`, parts, 'parts');
  return { content, tensors };
}

/** Calls `action`; errors about what is in the file then begin with `where`. */
function within<T>(where: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    const Kind = error instanceof TypeError ? TypeError : RangeError;
    if (!(error instanceof Kind) || error.message.startsWith(where)) throw error;
    const { message } = error;
    throw new Kind(`${where}: ${brief(message, 600)}`, { cause: error });
  }
}
