/** The shapes that works, rivals and goals share: of the networks trained here, ResNet-18 and MobileNet. */

export interface BatchNormShape {
  layout: 'rows' | 'NCHW' | 'NHWC';
  n: number;
  c: number;
  /** Positions a channel and sample; 1 in rows. */
  s: number;
  name: string;
}

const rows = (n: number, c: number): BatchNormShape => ({
  layout: 'rows',
  n,
  c,
  s: 1,
  name: `rows [${n}, ${c}]`,
});
const images = (n: number, c: number, size: number): BatchNormShape[] => [
  { layout: 'NCHW', n, c, s: size * size, name: `NCHW [${n}, ${c}, ${size}, ${size}]` },
  { layout: 'NHWC', n, c, s: size * size, name: `NHWC [${n}, ${size}, ${size}, ${c}]` },
];

export const BATCH_NORM: BatchNormShape[] = [
  rows(128, 100),
  rows(256, 1024),
  rows(4096, 512),
  ...images(32, 64, 56),
  ...images(100, 32, 28),
  ...images(8, 256, 14),
  ...images(64, 16, 32),
];

/** n rows of d numbers, as a transformer's tokens and features. */
export interface RowsShape {
  n: number;
  d: number;
}

export const LAYER_NORM: RowsShape[] = [
  { n: 512, d: 768 },
  { n: 4096, d: 512 },
  { n: 100, d: 64 },
];

export function rowsName({ n, d }: RowsShape): string {
  return `[${n}, ${d}]`;
}

/** Images [n, c, size, size], their channels cut into groups. */
export interface GroupNormShape {
  n: number;
  c: number;
  size: number;
  groups: number;
}

export const GROUP_NORM: GroupNormShape[] = [
  { n: 32, c: 64, size: 56, groups: 32 },
  { n: 8, c: 256, size: 14, groups: 32 },
  { n: 32, c: 64, size: 56, groups: 64 },
  { n: 8, c: 256, size: 14, groups: 256 },
];

export function groupNormName({ n, c, size, groups }: GroupNormShape): string {
  const kind = groups === c ? 'instances' : `${groups} groups`;
  return `[${n}, ${c}, ${size}, ${size}], ${kind}`;
}

export const LOCAL_RESPONSE_NORM = [{ n: 32, c: 64, size: 28, window: 5 }];

export function localResponseNormName({
  n,
  c,
  size,
  window,
}: (typeof LOCAL_RESPONSE_NORM)[number]): string {
  return `[${n}, ${c}, ${size}, ${size}], ${window} channels`;
}

export const WEIGHT_NORM = [{ rows: 200, cols: 784 }];

export function weightNormName({ rows, cols }: (typeof WEIGHT_NORM)[number]): string {
  return `[${rows}, ${cols}]`;
}

export interface GemmShape {
  form: 'NN' | 'NT' | 'TN';
  m: number;
  n: number;
  k: number;
}

export const GEMM: GemmShape[] = [
  { form: 'NN', m: 256, n: 256, k: 256 },
  { form: 'NN', m: 512, n: 512, k: 512 },
  { form: 'NN', m: 1024, n: 1024, k: 1024 },
  { form: 'NT', m: 512, n: 512, k: 512 },
  { form: 'TN', m: 512, n: 512, k: 512 },
  { form: 'NN', m: 100, n: 200, k: 784 },
  { form: 'NT', m: 100, n: 200, k: 784 },
  { form: 'TN', m: 200, n: 784, k: 100 },
  { form: 'NT', m: 100, n: 200, k: 3136 },
  { form: 'NT', m: 100, n: 10, k: 200 },
  { form: 'NT', m: 1, n: 200, k: 784 },
];

export function gemmName({ form, m, n, k }: GemmShape): string {
  return `${form} [${m}, ${k}]·[${k}, ${n}]`;
}

export interface ConvShape {
  /** Where the layer is from. */
  of: string;
  n: number;
  channels: number;
  size: number;
  outChannels: number;
  kernel: number;
  stride: number;
  /** Padding before, and after. */
  padding: readonly [number, number];
  groups: number;
}

function conv(
  of: string,
  n: number,
  channels: number,
  size: number,
  outChannels: number,
  kernel: number,
  stride: number,
  padding: number | [number, number],
  groups = 1,
): ConvShape {
  const pair = typeof padding === 'number' ? ([padding, padding] as const) : padding;
  return { of, n, channels, size, outChannels, kernel, stride, padding: pair, groups };
}

export const CONV2D: ConvShape[] = [
  conv('3×3', 32, 32, 28, 64, 3, 1, 1),
  conv('CNN 1', 32, 1, 28, 24, 6, 1, [2, 3]),
  conv('CNN 2', 32, 24, 28, 48, 5, 2, 2),
  conv('CNN 3', 32, 48, 14, 64, 4, 2, 1),
  conv('ResNet-18 conv1', 2, 3, 224, 64, 7, 2, 3),
  conv('ResNet-18 layer1', 4, 64, 56, 64, 3, 1, 1),
  conv('ResNet-18 layer2.0', 4, 64, 56, 128, 3, 2, 1),
  conv('ResNet-18 layer2.0 shortcut', 4, 64, 56, 128, 1, 2, 0),
  conv('ResNet-18 layer3', 4, 256, 14, 256, 3, 1, 1),
  conv('ResNet-18 layer4', 4, 512, 7, 512, 3, 1, 1),
  conv('MobileNet depthwise', 4, 64, 56, 64, 3, 1, 1, 64),
  conv('MobileNet depthwise /2', 4, 128, 56, 128, 3, 2, 1, 128),
  conv('MobileNet pointwise', 4, 256, 14, 512, 1, 1, 0),
];

export function outSize({ size, kernel, stride, padding }: ConvShape): number {
  return Math.floor((size + padding[0] + padding[1] - kernel) / stride) + 1;
}

export function convName(shape: ConvShape): string {
  const { of, n, channels, size, outChannels, kernel, stride } = shape;
  const by = stride > 1 ? `/${stride}` : '';
  return `${of} [${n}, ${channels}, ${size}, ${size}] ${kernel}×${kernel}${by} → ${outChannels}`;
}

export const CROSS_ENTROPY = { n: 256, c: 1000 };
export const PARAMETERS = 1_000_000;
export const UNARY_SIZE = 65_536;
export const UNARY = ['exp', 'sigmoid', 'tanh'] as const;
export const BATCH = 100;
export const WIDTHS = [784, 200, 100, 60, 30, 10];
