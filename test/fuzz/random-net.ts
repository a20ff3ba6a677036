/** Random networks: chains with branches, sums, joins, nested composites and layers that are used twice. */
import { between, type Choices, chance, pick } from './choices.ts';
import type { LayerSpec, NetSpec, Step } from './net.ts';
import { type LayerName, randomLayer, type Shape } from './random-layer.ts';

export interface RandomNet {
  readonly spec: NetSpec;
  /** The input's shape, with its batch. */
  readonly input: Shape;
  readonly output: Shape;
}

/** An input's shape [N, C], [N, C, L] or [N, C, H, W], with extents about the width of a vector. */
export function randomShape(choices: Choices, ranks: readonly number[] = [2, 3, 4, 4]): Shape {
  const rank = pick(choices, ranks);
  const batch = pick(choices, [4, 2, 3, 5, 8]);
  const channels = pick(choices, [4, 1, 2, 3, 5, 8, 9]);
  const size = Array.from({ length: rank - 2 }, () => pick(choices, [4, 3, 5, 6, 2, 7, 8, 9, 1]));
  return [batch, channels, ...size];
}

export function randomNet(
  choices: Choices,
  input: Shape,
  names: readonly LayerName[],
  mostSteps: number,
  most?: number,
): RandomNet {
  const layers: LayerSpec[] = [];
  const steps: Step[] = [];
  const shapes: Shape[] = [input];
  /** The input's shape of each layer's first use, and its output's. */
  const taken: (readonly [Shape, Shape])[] = [];
  const add = (spec: LayerSpec, inputs: number[], shape: Shape): void => {
    taken.push([shapes[inputs[0]!]!, shape]);
    layers.push(spec);
    steps.push({ layer: layers.length - 1, inputs });
    shapes.push(shape);
  };
  const count = between(choices, 1, mostSteps);
  while (steps.length < count) {
    const last = shapes.length - 1;
    const shape = shapes[last]!;
    const kind = choices.integer(20);
    const alike = shapes.flatMap((other, i) => (i < last && same(other, shape) ? [i] : []));
    const again = taken.flatMap(([from], i) =>
      same(from, shape) && steps.some(({ layer, inputs }) => layer === i && inputs.length === 1)
        ? [i]
        : [],
    );
    if (kind === 19 && alike.length > 0) {
      add({ kind: 'Add', args: [] }, [last, pick(choices, alike)], shape);
    } else if (kind === 18 && shape[1]! <= 20) {
      const others = shapes.flatMap((other, i) => (same(rest(other), rest(shape)) ? [i] : []));
      const other = pick(choices, others);
      const joined = [shape[0]!, shape[1]! + shapes[other]![1]!, ...shape.slice(2)];
      add({ kind: 'Concat', args: [] }, [last, other], joined);
    } else if (kind === 17 && again.length > 0) {
      const layer = pick(choices, again);
      steps.push({ layer, inputs: [last] });
      shapes.push(taken[layer]![1]);
    } else if (kind === 16) {
      add(residual(choices, shape, names, most), [last], shape);
    } else if (kind === 15) {
      const { inside, shape: after } = chain(choices, shape, names, between(choices, 1, 3), most);
      add({ kind: 'Sequential', args: [], inside }, [last], after);
    } else {
      const found = randomLayer(choices, shape, names, most);
      add(found.spec, [last], found.shape);
    }
  }
  return { spec: { layers, steps }, input, output: shapes.at(-1)! };
}

function chain(
  choices: Choices,
  from: Shape,
  names: readonly LayerName[],
  length: number,
  most?: number,
) {
  const inside: LayerSpec[] = [];
  let shape = from;
  for (let i = 0; i < length; i++) {
    const found = randomLayer(choices, shape, names, most);
    inside.push(found.spec);
    shape = found.shape;
  }
  return { inside, shape };
}

/** A residual block; layers that would change the shape are left out of its body. */
function residual(
  choices: Choices,
  shape: Shape,
  names: readonly LayerName[],
  most?: number,
): LayerSpec {
  const body: LayerSpec[] = [];
  for (let i = between(choices, 1, 3); i > 0; i--) {
    const found = randomLayer(choices, shape, names, most);
    if (same(found.shape, shape)) body.push(found.spec);
  }
  if (body.length === 0) body.push({ kind: 'Tanh', args: [] });
  const inside: LayerSpec[] = [{ kind: 'Sequential', args: [], inside: body }];
  if (chance(choices, 0.3)) inside.push({ kind: 'Sigmoid', args: [] });
  return { kind: 'Residual', args: [], inside };
}

function same(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((extent, i) => extent === b[i]);
}

/** A shape without its channels. */
function rest([n, , ...size]: Shape): Shape {
  return [n!, ...size];
}
