/** The works that rivals are asked for, in words that cross a pipe. */
import {
  BATCH_NORM,
  CONV2D,
  CROSS_ENTROPY,
  convName,
  GEMM,
  GROUP_NORM,
  gemmName,
  groupNormName,
  LAYER_NORM,
  LOCAL_RESPONSE_NORM,
  localResponseNormName,
  PARAMETERS,
  rowsName,
  UNARY,
  UNARY_SIZE,
  WEIGHT_NORM,
  weightNormName,
} from '../works/shapes.ts';

export interface Item {
  group: string;
  work: string;
  shape: string;
  /** Elements or flop of one run; 1 for a step. */
  count: number;
  unit: 'ns/element' | 'GFLOP/s' | 'ms';
  /** What a rival needs to know. */
  of: Record<string, unknown>;
  /** The largest difference, as a share of the largest result, that still agrees. */
  tolerance: number;
}

export function items(): Item[] {
  const list: Item[] = [];
  for (const { name, ...of } of BATCH_NORM) {
    for (const work of ['forward', 'inference', 'backward']) {
      const count = of.n * of.c * of.s;
      list.push({
        group: 'batchnorm',
        work,
        shape: name,
        count,
        unit: 'ns/element',
        of,
        tolerance: 1e-4,
      });
    }
  }
  for (const of of LAYER_NORM) {
    for (const work of ['forward', 'backward', 'RMS forward', 'RMS backward']) {
      const base = { group: 'layernorm', work, shape: rowsName(of), unit: 'ns/element' as const };
      list.push({ ...base, count: of.n * of.d, of: { ...of }, tolerance: 1e-4 });
    }
  }
  for (const of of GROUP_NORM) {
    for (const work of ['forward', 'backward']) {
      const base = {
        group: 'groupnorm',
        work,
        shape: groupNormName(of),
        unit: 'ns/element' as const,
      };
      list.push({ ...base, count: of.n * of.c * of.size ** 2, of: { ...of }, tolerance: 1e-4 });
    }
  }
  for (const work of ['forward', 'backward']) {
    const base = { work, unit: 'ns/element' as const, tolerance: 1e-4 };
    for (const of of LOCAL_RESPONSE_NORM) {
      const count = of.n * of.c * of.size ** 2;
      const shape = localResponseNormName(of);
      list.push({ ...base, group: 'localresponsenorm', shape, count, of });
    }
    for (const of of WEIGHT_NORM) {
      const count = of.rows * of.cols;
      list.push({ ...base, group: 'weightnorm', shape: weightNormName(of), count, of });
    }
  }
  for (const shape of GEMM) {
    if (shape.form !== 'NN') continue;
    const count = 2 * shape.m * shape.n * shape.k;
    const base = { group: 'gemm', work: 'product', unit: 'GFLOP/s' as const };
    list.push({ ...base, shape: gemmName(shape), count, of: { ...shape }, tolerance: 1e-4 });
  }
  for (const shape of CONV2D) {
    const out = Math.floor(
      (shape.size + shape.padding[0] + shape.padding[1] - shape.kernel) / shape.stride + 1,
    );
    const taps = (shape.channels * shape.kernel ** 2) / shape.groups;
    const count = 2 * shape.n * shape.outChannels * out * out * taps;
    for (const work of ['forward', 'input gradient', 'weight gradient']) {
      const base = { group: 'conv2d', work, unit: 'GFLOP/s' as const };
      list.push({ ...base, shape: convName(shape), count, of: { ...shape, out }, tolerance: 1e-4 });
    }
  }
  for (const work of UNARY) {
    const base = {
      group: 'activation',
      work,
      shape: `[${UNARY_SIZE}]`,
      unit: 'ns/element' as const,
    };
    list.push({ ...base, count: UNARY_SIZE, of: { n: UNARY_SIZE }, tolerance: 1e-5 });
  }
  const { n, c } = CROSS_ENTROPY;
  list.push({
    group: 'loss',
    work: 'cross-entropy, forward and backward',
    shape: `[${n}, ${c}]`,
    count: n * c,
    unit: 'ns/element',
    of: { n, c },
    tolerance: 1e-4,
  });
  for (const work of ['SGD', 'Adam']) {
    const base = { group: 'optim', work, shape: `[${PARAMETERS}]`, unit: 'ns/element' as const };
    list.push({ ...base, count: PARAMETERS, of: { n: PARAMETERS }, tolerance: 1e-5 });
  }
  for (const network of ['mlp', 'cnn']) {
    const shape = `${network} + batch norm, batch 100, Adam`;
    list.push({
      group: 'step',
      work: 'step',
      shape,
      count: 1,
      unit: 'ms',
      of: { network },
      tolerance: 1e-3, // three losses, with two steps of rounding between
    });
  }
  return list;
}
