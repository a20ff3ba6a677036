/** The table of `npm run bench:everywhere`, printed and in bench/RESULTS.md. */
import type { Origin } from '../record.ts';
import { MUL_ADD_FLOP, PEAK_FLOP } from '../scene.ts';
import { figure, markdown } from '../table.ts';

/** Least milliseconds of one run of each work of a scene, and its elements or flop. */
export type Times = Record<string, { ms: number; count: number }>;

/** Nanoseconds an element, as a multiple of the bare loops and of memory.copy. */
export interface Pass {
  ns: number;
  limit: number;
  copy: number;
}

/** What a runtime did. */
export interface Figures {
  rows: { forward: Pass; backward: Pass };
  images: { forward: Pass; backward: Pass };
  /** GFLOP/s, as a share of the bare loop P and of 16 flop a cycle. */
  product: { rate: number; ofP: number; ofPeak: number };
  /** Milliseconds a training step. */
  mlp: number;
  cnn: number;
  /** GB/s, counting bytes read and written. */
  copy: number;
}

export interface Line {
  runtime: string;
  version?: string;
  /** Milliseconds from a first use of the package to a first result, in a fresh instance. */
  first?: number;
  figures?: Figures;
  missing?: string;
  error?: string;
}

export interface Everywhere {
  origin: Origin;
  lines: Line[];
}

const LEGEND =
  'Batch norm (BN) of rows [1024, 512] and of images [16, 64, 28, 28], forward in training (→) and ' +
  'backward (←): nanoseconds an element, as a multiple of R + S or 2R + S₂ (×), and of memory.copy (c), ' +
  'all in that runtime. The matrix product: its rate, as a share of the bare loop P and of 16 flop a ' +
  'cycle. First result: from the first use of the package in a fresh instance to the output of ' +
  'BatchNorm1d(100). Wall clock, the least of all slices. `--log runtimes` has the Workers of browsers, too.';

const WHY =
  "Deno's V8 has no trap handler and checks bounds in code: Node 24 with `--disable-wasm-trap-handler` " +
  'takes the same times. Kernels declare a first page of memory, which spares each access the check of ' +
  'its offset (12 % less for batch norm and 7 % for the MLP step in Deno, nothing elsewhere); the check ' +
  'of the address stays. JavaScriptCore (Bun, WebKitGTK) runs P at the peak, but the matrix product at ' +
  '70 %: the machine code it makes of the kernels has not been read.';

export const HEADER = [
  'runtime',
  'version',
  'first result, ms',
  'BN rows →',
  'BN rows ←',
  'BN images →',
  'BN images ←',
  'gemm 512³, GFLOP/s',
  'MLP step, ms',
  'CNN step, ms',
  'copy, GB/s',
];

/** The section of bench/RESULTS.md. */
export function runtimes({ lines }: Everywhere): string {
  // A browser's Worker runs the same engine as its page.
  const shown = lines.filter(({ runtime }) => !runtime.endsWith('Worker'));
  return [LEGEND, markdown(HEADER, shown.map(cellsOf)), WHY].join('\n\n');
}

export function cellsOf({ runtime, version = '', first, figures, missing }: Line): string[] {
  if (!figures || first === undefined) {
    return [runtime, missing ? 'missing' : 'failed', ...HEADER.slice(2).map(() => '')];
  }
  const { rows, images, product, mlp, cnn, copy } = figures;
  const passes = [rows.forward, rows.backward, images.forward, images.backward];
  return [
    runtime,
    version,
    figure(first),
    ...passes.map((pass) => `${figure(pass.ns)} ns, ${figure(pass.limit)}×, ${figure(pass.copy)}c`),
    `${figure(product.rate)}, ${share(product.ofP)} P, ${share(product.ofPeak)} peak`,
    figure(mlp),
    figure(cnn),
    figure(copy),
  ];
}

const share = (of: number) => `${Math.round(100 * of)} %`;

/** The figures of a runtime from the times of its scenes. */
export function figuresOf(scenes: Record<string, Times>): Figures {
  const ms = (scene: string, work: string) => scenes[scene]![work]!.ms;
  const pass = (scene: string, work: string, limit: number): Pass => {
    const time = scenes[scene]![work]!;
    return {
      ns: (time.ms * 1e6) / time.count,
      limit: time.ms / limit,
      copy: time.ms / ms(scene, 'copy'),
    };
  };
  const passes = (scene: string) => ({
    forward: pass(scene, 'forward', ms(scene, 'R') + ms(scene, 'S')),
    backward: pass(scene, 'backward', 2 * ms(scene, 'R') + ms(scene, 'S₂')),
  });
  const { count } = scenes.gemm!.product!;
  const rate = count / ms('gemm', 'product');
  return {
    rows: passes('rows'),
    images: passes('images'),
    product: {
      rate: rate / 1e6,
      ofP: rate / (MUL_ADD_FLOP / ms('gemm', 'P')),
      ofPeak: rate / (PEAK_FLOP / ms('gemm', 'clock')),
    },
    mlp: ms('mlp', 'step'),
    cnn: ms('cnn', 'step'),
    copy: (8 * scenes.images!.forward!.count) / ms('images', 'copy') / 1e6,
  };
}
