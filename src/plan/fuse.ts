import type { Trace, Value } from './trace.ts';

/**
 * Lets a use take over the layer behind it, where nobody else reads what stands between them: a
 * batch norm clamps for the ReLU that follows, and a trip through memory is saved. The layers stay as
 * the user wrote them; only the plan has one use less.
 */
export function fuse(trace: Trace, output: Value): void {
  for (const use of trace.uses) {
    const between = use.output;
    const [next] = between.consumers;
    if (!next || between.consumers.length > 1 || between === output || next.inputs.length > 1)
      continue;
    if (!use.leaf.absorb?.(use, next.leaf)) continue;
    use.output = next.output;
    next.output.producer = use;
    trace.uses.splice(trace.uses.indexOf(next), 1);
  }
}
