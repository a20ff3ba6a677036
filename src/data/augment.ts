/** Random changes of images and signals, anew for each batch: flips, crops, shifts, noise. */
import { checkInteger, checkNumber, unexpected } from '../tensor/check.ts';
import type { Numbers } from '../tensor/numbers.ts';
import { checkInstance, optionsOf } from '../tensor/options.ts';
import { defaultGenerator, Generator } from '../tensor/random.ts';
import { read } from '../tensor/reading.ts';
import { type Shape, shapeText, sizeOf } from '../tensor/shape.ts';
import type { Input } from '../tensor/tensor.ts';
import type { Values } from './batches.ts';

/** One number for height and width, or [height, width]. */
export type Extent = number | readonly [height: number, width: number];

export interface AugmentOptions {
  /** The probability that a sample is mirrored left to right; true is 0.5. Default 0. */
  horizontalFlip?: boolean | number;
  /** The probability that a sample is mirrored top to bottom; true is 0.5. Default 0. */
  verticalFlip?: boolean | number;
  /** The size that is cut out at a random place. Default: their own size. */
  crop?: Extent | undefined;
  /** Pixels that are added on each side before the cut. Default 0. */
  padding?: Extent | undefined;
  /** The most pixels that a sample is moved by in each direction: as a crop to its own size with this padding. */
  shift?: Extent | undefined;
  /** What stands outside of the image: `fill`, its nearest pixel, or its mirror image. Default 'constant'. */
  paddingMode?: 'constant' | 'edge' | 'reflect';
  /** The value of pixels outside of the image. Default 0. */
  fill?: number;
  /** The standard deviation of normal noise that is added to each value. Default 0. */
  noise?: number;
  /** Whether the channels are the last axis. Default false. */
  channelsLast?: boolean;
  /** Seed of a generator of its own. */
  seed?: number | undefined;
  /** A generator instead of a seed. Default: the generator that `manualSeed` seeds. */
  generator?: Generator | undefined;
}

/**
 * Random changes of a batch's inputs, for `fit`'s option `augment` or a loop of your own. Each sample is cut out,
 * then mirrored, then noise is added (torchvision's `RandomCrop`, `RandomHorizontalFlip`, `RandomVerticalFlip` and
 * `GaussianNoise`).
 *
 * ```ts
 * const changes = augment({ horizontalFlip: true, shift: 2, noise: 0.05, seed: 1 });
 * await fit(model, data, { loss, optimizer, epochs: 10, augment: changes });
 * const { data, shape } = changes.apply(images); // in a loop of your own
 * ```
 *
 * Inputs are images [N, C, H, W] or signals [N, C, L], with `channelsLast` [N, H, W, C] or [N, L, C]; of signals the
 * width counts. Noise takes any shape. What is drawn depends on the generator alone, so it is the same in every
 * runtime.
 *
 * @throws RangeError for options out of range, and for a shift beside a crop or padding
 */
export function augment(...rest: [options?: AugmentOptions | undefined]): Augmentation {
  return new Augmentation(rest);
}

/** Random changes of batches; `augment` makes it. */
export class Augmentation {
  /** What it draws from. */
  readonly generator: Generator;
  private readonly flips: readonly [horizontal: number, vertical: number];
  private readonly crop: readonly [number, number] | undefined;
  private readonly padding: readonly [number, number];
  private readonly mode: 'constant' | 'edge' | 'reflect';
  private readonly fill: number;
  private readonly noise: number;
  private readonly channelsLast: boolean;
  private buffer = new Float32Array();

  /** @internal Use `augment`. */
  constructor(rest: [options?: AugmentOptions | undefined]) {
    const who = 'augment';
    const options = optionsOf(who, rest, {
      horizontalFlip: undefined,
      verticalFlip: undefined,
      crop: undefined,
      padding: undefined,
      shift: undefined,
      paddingMode: ['constant', 'edge', 'reflect'],
      fill: 0,
      noise: 0,
      channelsLast: false,
      seed: undefined,
      generator: undefined,
    });
    const { crop, padding, shift, seed, generator } = options;
    this.flips = [
      probability(who, 'horizontalFlip', options.horizontalFlip),
      probability(who, 'verticalFlip', options.verticalFlip),
    ];
    if (shift !== undefined && (crop !== undefined || padding !== undefined)) {
      throw new RangeError(`${who}: expected a shift, or a crop and its padding, got both`);
    }
    this.crop = crop === undefined ? undefined : extent(who, 'crop', crop, 1);
    this.padding = extent(who, shift === undefined ? 'padding' : 'shift', shift ?? padding ?? 0, 0);
    checkNumber(who, 'noise', options.noise, 0);
    this.mode = options.paddingMode;
    this.fill = options.fill;
    this.noise = options.noise;
    this.channelsLast = options.channelsLast;
    if (generator !== undefined) {
      checkInstance(`${who}: generator`, generator, Generator, 'a Generator');
      if (seed !== undefined) {
        throw new RangeError(`${who}: expected a seed or a generator, got both: pass one`);
      }
    }
    this.generator = seed === undefined ? (generator ?? defaultGenerator) : new Generator(seed);
  }

  /**
   * Changes a batch. The result stands in an array that the next call overwrites; `inputs` stays as it is.
   *
   * @throws RangeError for inputs that are neither images nor signals (noise takes any), and for a crop or
   *   reflection that is larger than they allow; nothing is drawn then
   */
  apply(inputs: Input): Values {
    const { shape, values } = read('augment: inputs', inputs);
    const [n = 0] = shape;
    const still = !this.crop && ![...this.flips, ...this.padding].some((amount) => amount > 0);
    const layout = still ? undefined : this.layoutOf(shape);
    const out = layout?.shape ?? shape;
    const size = sizeOf(out);
    if (this.buffer.length < size) this.buffer = new Float32Array(size);
    const data = this.buffer.subarray(0, size);
    if (layout && size > 0) this.move(data, values, n, layout);
    else data.set(values);
    if (this.noise > 0 && size > 0) {
      const added = this.generator.normal([size], { std: this.noise }).view();
      for (let i = 0; i < size; i++) data[i]! += added[i]!;
    }
    return { data, shape: out };
  }

  /** The axes of the inputs, x[n, outer, height, width, inner], and the size that is cut out. */
  private layoutOf(shape: Shape): Layout {
    const { channelsLast, crop, padding, mode } = this;
    if (shape.length !== 3 && shape.length !== 4) {
      const kinds = channelsLast ? '[N, H, W, C] or [N, L, C]' : '[N, C, H, W] or [N, C, L]';
      throw new RangeError(
        `augment: inputs expected ${kinds}, got ${shapeText(shape)}: give them this shape, or leave out all but noise`,
      );
    }
    const isSignal = shape.length === 3;
    const channels = shape.at(channelsLast ? -1 : 1)!;
    const spatial = channelsLast ? shape.slice(1, -1) : shape.slice(2);
    const [height, width] = isSignal ? [1, spatial[0]!] : (spatial as [number, number]);
    const [padY, padX] = [isSignal ? 0 : padding[0], padding[1]];
    const [h, w] = crop ? [isSignal ? 1 : crop[0], crop[1]] : [height, width];
    const most = [height + 2 * padY, width + 2 * padX] as const;
    if (h > most[0] || w > most[1]) {
      throw new RangeError(
        `augment: crop expected at most ${shapeText(most)}, the padded size of ${shapeText(shape)}, got ${shapeText([h, w])}`,
      );
    }
    if (mode === 'reflect' && (padY >= height || padX >= width)) {
      throw new RangeError(
        `augment: padding with 'reflect' expected less than ${shapeText([height, width])}, got ${shapeText([padY, padX])}`,
      );
    }
    const cut = isSignal ? [w] : [h, w];
    return {
      shape: channelsLast ? [shape[0]!, ...cut, channels] : [shape[0]!, channels, ...cut],
      ...{ height, width, h, w, padY, padX },
      ...{ outer: channelsLast ? 1 : channels, inner: channelsLast ? channels : 1 },
    };
  }

  /** y[n, o, i, j, c] = x[n, o, rows(i), cols(j), c], or the fill value outside. */
  private move(y: Float32Array, x: Numbers, n: number, layout: Layout): void {
    const { outer, inner, height, width, h, w, padY, padX } = layout;
    const [horizontal, vertical] = this.flips;
    const rows = new Int32Array(h);
    const cols = new Int32Array(w);
    // Four for each sample, whatever the options are: other options leave a sample's draws as they are.
    const draws = this.generator.uniform([n, 4]).view();
    const { fill, mode } = this;
    let o = 0;
    for (let sample = 0; sample < n; sample++) {
      const [u0, u1, u2, u3] = draws.subarray(4 * sample, 4 * sample + 4) as unknown as number[];
      const top = Math.floor(u2! * (height + 2 * padY - h + 1)) - padY;
      const left = Math.floor(u3! * (width + 2 * padX - w + 1)) - padX;
      place(rows, top, height, u1! < vertical, mode);
      place(cols, left, width, u0! < horizontal, mode);
      for (let channel = 0; channel < outer; channel++) {
        const plane = (sample * outer + channel) * height * width * inner;
        for (let i = 0; i < h; i++) {
          if (rows[i]! < 0) y.fill(fill, o, o + w * inner);
          else copyRow(y, o, x, plane + rows[i]! * width * inner, cols, inner, fill);
          o += w * inner;
        }
      }
    }
  }
}

/** y[o + j, c] = x[row + cols(j), c], or the fill value outside. */
function copyRow(
  y: Float32Array,
  o: number,
  x: Numbers,
  row: number,
  cols: Int32Array,
  inner: number,
  fill: number,
): void {
  let at = o;
  for (let j = 0; j < cols.length; j++) {
    const from = row + cols[j]! * inner;
    for (let c = 0; c < inner; c++) y[at++] = cols[j]! < 0 ? fill : x[from + c]!;
  }
}

interface Layout {
  /** The result's shape. */
  readonly shape: Shape;
  readonly outer: number;
  readonly inner: number;
  readonly height: number;
  readonly width: number;
  readonly h: number;
  readonly w: number;
  readonly padY: number;
  readonly padX: number;
}

/** Where each place of the result comes from along one axis; −1 is outside. */
function place(
  from: Int32Array,
  start: number,
  extent: number,
  flip: boolean,
  mode: 'constant' | 'edge' | 'reflect',
): void {
  const last = extent - 1;
  for (let i = 0; i < from.length; i++) {
    let at = start + (flip ? from.length - 1 - i : i);
    if (at < 0 || at > last) {
      if (mode === 'constant') at = -1;
      else if (mode === 'edge') at = at < 0 ? 0 : last;
      else at = at < 0 ? -at : 2 * last - at;
    }
    from[i] = at;
  }
}

function probability(who: string, name: string, given: boolean | number | undefined): number {
  const p = typeof given === 'boolean' ? (given ? 0.5 : 0) : (given ?? 0);
  if (typeof p !== 'number') throw unexpected(`${who}: ${name}`, 'true, false or a number', given);
  checkNumber(who, name, p, 0, 1);
  return p;
}

function extent(who: string, name: string, given: Extent, least: number): [number, number] {
  const pair = (Array.isArray(given) ? given : [given, given]) as readonly number[];
  if (pair.length !== 2) throw unexpected(`${who}: ${name}`, 'a number or [height, width]', given);
  for (const each of pair) checkInteger(who, name, each, least);
  return [pair[0]!, pair[1]!];
}
