/** The table of `npm run bench:everywhere`, printed and in bench/RESULTS.md. */
import type { Run } from '../record.ts';
import { MUL_ADD_FLOP, PEAK_FLOP } from '../scene.ts';
import { figure, markdown } from '../table.ts';

/** Least milliseconds of one run of each work of a scene, or its rate's parts. */
export type Times = Record<string, { ms: number; count: number }>;

export interface Line {
  runtime: string;
  version?: string;
  /** Milliseconds from a first use of the package to a first result, in a fresh instance. */
  first?: number;
  scenes: Record<string, Times>;
  missing?: string;
  error?: string;
}

export interface Everywhere {
  machine: Run['machine'];
  date: string;
  lines: Line[];
}

const LEGEND =
  'Batch norm (BN), of rows [1024, 512] and images [16, 64, 28, 28], forward in training (→) and ' +
  'backward (←): nanoseconds an element, as a multiple of its limit (R + S, 2R + S₂; see README.md) ' +
  'and of memory.copy (c) of that runtime. The matrix product: its rate, and that as a share of the ' +
  'bare loop P and of 16 flop a cycle. First result: from a first use of the package in a fresh ' +
  'instance to the output of BatchNorm1d(100). Least of all slices, wall clock.';

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

/** The section of bench/RESULTS.md, with what is known of why engines differ. */
export function runtimes(
  { machine, date, lines }: Everywhere,
  reasons: string | undefined,
): string {
  const when = date.slice(0, 16).replace('T', ' ');
  const head = `\`npm run bench:everywhere\`, ${machine.cpu}, ${when} UTC. ${LEGEND}`;
  return [head, markdown(HEADER, lines.map(cellsOf)), ...(reasons ? [reasons] : [])].join('\n\n');
}

export function cellsOf({ runtime, version, first, scenes, missing, error }: Line): string[] {
  if (missing || error)
    return [runtime, missing ? 'missing' : 'failed', ...HEADER.slice(2).map(() => '')];
  const { rows, images, gemm, mlp, cnn } = scenes as Record<string, Times>;
  const step = (times: Times | undefined) => figure(times?.step?.ms ?? Number.NaN);
  return [
    runtime,
    version ?? '',
    figure(first ?? Number.NaN),
    ...[rows, images].flatMap((times) => [forward(times!), backward(times!)]),
    product(gemm!),
    step(mlp),
    step(cnn),
    figure((8 * images!.forward!.count) / images!.copy!.ms / 1e6),
  ];
}

/** Nanoseconds an element, and as a multiple of the limit and of memory.copy. */
function pass(ms: number, count: number, limit: number, copy: number): string {
  return `${figure((ms * 1e6) / count)} ns, ${figure(ms / limit)}×, ${figure(ms / copy)}c`;
}

function forward({ forward, R, S, copy }: Times): string {
  return pass(forward!.ms, forward!.count, R!.ms + S!.ms, copy!.ms);
}

function backward({ backward, R, 'S₂': S2, copy }: Times): string {
  return pass(backward!.ms, backward!.count, 2 * R!.ms + S2!.ms, copy!.ms);
}

/** The rate, as a share of the loop P's and of 16 flop a cycle. */
function product({ product, P, clock }: Times): string {
  const rate = product!.count / product!.ms;
  const share = (of: number) => `${Math.round((100 * rate) / of)} %`;
  return `${figure(rate / 1e6)}, ${share(MUL_ADD_FLOP / P!.ms)} P, ${share(PEAK_FLOP / clock!.ms)} peak`;
}
