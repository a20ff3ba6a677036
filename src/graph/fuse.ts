import type { Trace, Value } from './trace.ts';

/**
 * Lets a use take over the layer behind it, where nobody else reads what stands between them, and a
 * trip through memory is saved: a batch norm adds the shortcut and clamps for the ReLU that follow, a
 * convolution clamps for its own. The layers stay as the user wrote them; only the plan has a use less.
 */
export function fuse({ uses }: Trace, output: Value): void {
  for (let i = 0; i < uses.length; ) {
    const use = uses[i]!;
    const between = use.output;
    const [next, ...others] = between.consumers;
    const alone = others.length === 0 && between !== output;
    if (!next || !alone || !use.leaf.absorb?.(use, next)) {
      i++;
      continue;
    }
    for (const input of next.inputs) {
      if (input === between) continue;
      use.inputs = [...use.inputs, input];
      input.consumers[input.consumers.indexOf(next)] = use;
    }
    use.output = next.output;
    next.output.producer = use;
    // At the later place: what else `next` reads is ready there. The loop goes on with what stands at i.
    uses[uses.indexOf(next)] = use;
    uses.splice(i, 1);
  }
}
