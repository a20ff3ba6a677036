import type { Value } from './node.ts';
import type { Trace } from './trace.ts';

/**
 * Turns a ReLU into an epilogue of the operation before it, if nothing else reads the tensor between the
 * two, because one pass over memory is cheaper than two. The user's layers do not change; the plan has one
 * use less.
 */
export function fuse({ uses }: Trace, outputs: readonly Value[]): void {
  for (const use of [...uses]) {
    const between = use.output;
    const [next, ...others] = between.consumers;
    if (!next?.leaf.isReLU || others.length > 0 || outputs.includes(between)) continue;
    const { reluEpilogue } = use.leaf;
    if (!reluEpilogue || use.relu) continue;
    use.relu = true;
    if (reluEpilogue === 'mask') use.keepsOutput = true;
    use.output = next.output;
    next.output.producer = use;
    uses.splice(uses.indexOf(next), 1);
  }
}
