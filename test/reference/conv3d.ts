/** Float64 three-dimensional convolution and its gradients, written to be obviously right. */

export type Triple = readonly [depth: number, vertical: number, horizontal: number];

export interface Conv3dShape {
  n: number;
  channels: number;
  size: Triple;
  outChannels: number;
  kernel: Triple;
  stride: Triple;
  /** Zeros before and after each axis. */
  padding: readonly (readonly [before: number, after: number])[];
  dilation: Triple;
  groups: number;
}

const AXES = [0, 1, 2] as const;

/** ⌊(size + padding − dilation·(kernel − 1) − 1)/stride⌋ + 1 for each axis. */
export function outputSize({ size, kernel, stride, padding, dilation }: Conv3dShape): Triple {
  return AXES.map((d) => {
    const room = size[d] + padding[d]![0] + padding[d]![1] - dilation[d] * (kernel[d] - 1) - 1;
    return Math.floor(room / stride[d]) + 1;
  }) as unknown as Triple;
}

/** Every position of a grid, with its index. */
export function forEachPosition(size: Triple, visit: (at: Triple, index: number) => void): void {
  let index = 0;
  for (let d = 0; d < size[0]; d++)
    for (let h = 0; h < size[1]; h++) for (let w = 0; w < size[2]; w++) visit([d, h, w], index++);
}

export function volumeOf([d, h, w]: Triple): number {
  return d * h * w;
}

/** Calls `term` with the index of every product weight·x that goes into an entry of y. */
function forEachTerm(s: Conv3dShape, term: (y: number, weight: number, x: number) => void): void {
  const out = outputSize(s);
  const depth = s.channels / s.groups;
  const height = s.outChannels / s.groups;
  for (let i = 0; i < s.n; i++) {
    for (let o = 0; o < s.outChannels; o++) {
      for (let c = 0; c < depth; c++) {
        const channel = Math.floor(o / height) * depth + c;
        forEachPosition(out, (at, position) => {
          forEachPosition(s.kernel, (tap, t) => {
            const [d, h, w] = AXES.map(
              (a) => at[a] * s.stride[a] - s.padding[a]![0] + tap[a] * s.dilation[a],
            ) as unknown as Triple;
            if (d < 0 || d >= s.size[0] || h < 0 || h >= s.size[1] || w < 0 || w >= s.size[2])
              return;
            const y = (i * s.outChannels + o) * volumeOf(out) + position;
            const weight = (o * depth + c) * volumeOf(s.kernel) + t;
            const place = (d * s.size[1] + h) * s.size[2] + w;
            term(y, weight, (i * s.channels + channel) * volumeOf(s.size) + place);
          });
        });
      }
    }
  }
}

type Numbers = ArrayLike<number>;

export function conv3dForward(s: Conv3dShape, x: Numbers, weight: Numbers, bias?: Numbers) {
  const volume = volumeOf(outputSize(s));
  const y = Float64Array.from({ length: s.n * s.outChannels * volume }, (_, index) =>
    bias ? bias[Math.floor(index / volume) % s.outChannels]! : 0,
  );
  forEachTerm(s, (to, w, from) => {
    y[to]! += weight[w]! * x[from]!;
  });
  return y;
}

export function conv3dBackward(s: Conv3dShape, dy: Numbers, x: Numbers, weight: Numbers) {
  const dx = new Float64Array(s.n * s.channels * volumeOf(s.size));
  const dWeight = new Float64Array(s.outChannels * (s.channels / s.groups) * volumeOf(s.kernel));
  forEachTerm(s, (y, w, from) => {
    dx[from]! += weight[w]! * dy[y]!;
    dWeight[w]! += dy[y]! * x[from]!;
  });
  const volume = volumeOf(outputSize(s));
  const db = new Float64Array(s.outChannels);
  for (let i = 0; i < dy.length; i++) db[Math.floor(i / volume) % s.outChannels]! += dy[i]!;
  return { dx, dWeight, db };
}

/** How volumes [n, channels, depth, plane] are unfolded along the depth. */
export interface Unfolding {
  channels: number;
  depth: number;
  plane: number;
  outDepth: number;
  kernel: number;
  stride: number;
  front: number;
  dilation: number;
}

/** Calls `term` with the index of each number of the images, and of the number of x that it is, or −1. */
function forEachUnfolded(s: Unfolding, n: number, term: (image: number, x: number) => void): void {
  let image = 0;
  for (let i = 0; i < n * s.outDepth; i++) {
    const volume = Math.floor(i / s.outDepth);
    for (let c = 0; c < s.channels; c++) {
      for (let t = 0; t < s.kernel; t++) {
        const d = (i % s.outDepth) * s.stride - s.front + t * s.dilation;
        const slice = (volume * s.channels + c) * s.depth + d;
        for (let q = 0; q < s.plane; q++)
          term(image++, d >= 0 && d < s.depth ? slice * s.plane + q : -1);
      }
    }
  }
}

export function unfold(s: Unfolding, n: number, x: Numbers): Float64Array {
  const images = new Float64Array(n * s.outDepth * s.channels * s.kernel * s.plane);
  forEachUnfolded(s, n, (image, from) => {
    if (from >= 0) images[image] = x[from]!;
  });
  return images;
}

export function fold(s: Unfolding, n: number, images: Numbers): Float64Array {
  const x = new Float64Array(n * s.channels * s.depth * s.plane);
  forEachUnfolded(s, n, (image, to) => {
    if (to >= 0) x[to]! += images[image]!;
  });
  return x;
}
