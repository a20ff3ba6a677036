/**
 * Layers that exporters write as several operators. A pattern begins at its last node; the nodes before it
 * become steps that nothing reads, and are dropped.
 */
import { GELU } from '../layers/activation/gelu.ts';
import { SiLU } from '../layers/activation/sigmoid.ts';
import { GroupNorm } from '../layers/norm/groupnorm.ts';
import { LayerNorm } from '../layers/norm/layernorm.ts';
import { RMSNorm } from '../layers/norm/rmsnorm.ts';
import type { Module } from '../module/module.ts';
import { type Computed, isComputed, isConstant, type Value } from './graph.ts';
import { withValues } from './importweights.ts';
import type { NodeReading } from './reading.ts';
import type { Message } from './schema.ts';
import type { Constant } from './tensors.ts';

/** What a pattern may ask about the graph so far. */
export interface Lookup {
  /** The node that makes a tensor. */
  maker(name: string): Message<'Node'> | undefined;
  value(name: string): Value | undefined;
}

interface Found {
  readonly make: () => Module;
  readonly x: string;
  /** The input of the file whose name gives the layer its own. */
  readonly weight?: string;
}

type Match = (look: Matcher, name: string) => Found | undefined;

/** Takes expressions apart. */
class Matcher {
  constructor(private readonly lookup: Lookup) {}

  /** The inputs of the node that makes `name`, if it is an `op`. */
  is(op: string, name: string | undefined): readonly string[] | undefined {
    const node = name === undefined ? undefined : this.lookup.maker(name);
    return node?.opType === op ? node.input : undefined;
  }

  /** The inputs in both orders, for operators that commute. */
  either(op: string, name: string | undefined): [string, string][] {
    const inputs = this.is(op, name);
    if (inputs?.length !== 2) return [];
    const [a, b] = inputs as [string, string];
    return [
      [a, b],
      [b, a],
    ];
  }

  constant(name: string | undefined): Constant | undefined {
    const value = name === undefined ? undefined : this.lookup.value(name);
    return isConstant(value) ? value : undefined;
  }

  /** The one number of a constant. */
  number(name: string | undefined): number | undefined {
    const constant = this.constant(name);
    return constant?.values.length === 1 ? constant.values[0] : undefined;
  }

  isNear(name: string | undefined, wanted: number): boolean {
    const number = this.number(name);
    return number !== undefined && Math.abs(number - wanted) <= 1e-4 * Math.abs(wanted);
  }

  computed(name: string): Computed | undefined {
    const value = this.lookup.value(name);
    return isComputed(value) ? value : undefined;
  }

  /** An attribute of the node that makes a tensor. */
  attribute(name: string, attribute: string): number | undefined {
    return this.lookup.maker(name)?.attribute.find((each) => each.name === attribute)?.f;
  }

  /** The tensor whose mean over the last axes a node computes, and over how many axes. */
  mean(name: string | undefined): { readonly of: string; readonly axes: number } | undefined {
    const node = name === undefined ? undefined : this.lookup.maker(name);
    if (node?.opType !== 'ReduceMean') return undefined;
    const attribute = node.attribute.find((each) => each.name === 'axes');
    const keep = node.attribute.find((each) => each.name === 'keepdims')?.i ?? 1;
    const list = attribute ? attribute.ints : [...(this.constant(node.input[1])?.values ?? [])];
    const of = node.input[0]!;
    const rank = this.computed(of)?.shape.length;
    const n = list.length;
    const sorted = list
      .map((axis) => (axis < 0 || rank === undefined ? axis : axis - rank))
      .sort((a, b) => a - b);
    const trailing = n > 0 && sorted.every((axis, i) => axis === i - n);
    return keep === 1 && trailing ? { of, axes: n } : undefined;
  }
}

/** x·σ(x). */
const silu: Match = (look, name) => {
  for (const [x, s] of look.either('Mul', name))
    if (look.is('Sigmoid', s)?.[0] === x) return { make: () => new SiLU(), x };
  return undefined;
};

/** x·(1 + erf(x/√2))·½, in any order of the factors. */
const gelu: Match = (look, name) => {
  const factors: string[] = [];
  const collect = (of: string | undefined, depth: number): void => {
    const inputs = depth < 3 ? look.is('Mul', of) : undefined;
    if (inputs) for (const input of inputs) collect(input, depth + 1);
    else if (of !== undefined) factors.push(of);
  };
  if (!look.is('Mul', name)) return undefined;
  collect(name, 0);
  if (factors.length !== 3) return undefined;
  // x itself may be a sum, so each factor is tried as the other one.
  for (const [i, sum] of factors.entries()) {
    const [a, b] = factors.filter((_, k) => k !== i) as [string, string];
    const x = look.isNear(a, 0.5) ? b : a;
    if (!look.isNear(x === a ? b : a, 0.5)) continue;
    for (const [erf, one] of look.either('Add', sum)) {
      const scaled = look.is('Erf', erf)?.[0];
      const divided = look.is('Div', scaled);
      const isScaled =
        (divided?.[0] === x && look.isNear(divided[1], Math.SQRT2)) ||
        look.either('Mul', scaled).some(([c, d]) => c === x && look.isNear(d, Math.SQRT1_2));
      if (isScaled && look.isNear(one, 1)) return { make: () => new GELU(), x };
    }
  }
  return undefined;
};

/** (x − mean)/√(mean of (x − mean)² + eps), over the last axes. */
function standardized(look: Matcher, name: string | undefined) {
  const [centred, root] = look.is('Div', name) ?? [];
  const difference = look.is('Sub', centred);
  const mean = look.mean(difference?.[1]);
  if (!difference || !mean || mean.of !== difference[0]) return undefined;
  for (const [variance, eps] of look.either('Add', look.is('Sqrt', root)?.[0])) {
    const second = look.mean(variance);
    const epsilon = look.number(eps);
    if (!second || epsilon === undefined || second.axes !== mean.axes) continue;
    const power = look.is('Pow', second.of);
    const squared =
      (power && sameDifference(look, power[0]!, difference) && look.number(power[1]) === 2) ||
      look.is('Mul', second.of)?.every((each) => sameDifference(look, each, difference));
    if (squared) return { x: mean.of, axes: mean.axes, eps: epsilon };
  }
  return undefined;
}

/** Whether a node computes the same difference: exporters write it twice. */
function sameDifference(look: Matcher, name: string, difference: readonly string[]): boolean {
  return look.is('Sub', name)?.join('\n') === difference.join('\n');
}

const layerNorm: Match = (look, name) => {
  for (const [product, bias] of [...look.either('Add', name), [name, undefined] as const]) {
    for (const [core, weight] of look.either('Mul', product)) {
      const found = standardized(look, core);
      const gamma = look.constant(weight);
      const beta = look.constant(bias);
      const shape = found && look.computed(found.x)?.shape.slice(-found.axes);
      if (!found || !shape || gamma?.shape.join() !== shape.join()) continue;
      if (bias !== undefined && beta?.shape.join() !== shape.join()) continue;
      const { x, eps } = found;
      const values = { weight: gamma.values, bias: beta?.values };
      const options = { eps, bias: beta !== undefined };
      return { make: () => withValues(new LayerNorm(shape, options), values), x, weight };
    }
  }
  const found = standardized(look, name);
  const shape = found && look.computed(found.x)?.shape.slice(-found.axes);
  if (!found || !shape) return undefined;
  const { x, eps } = found;
  return { make: () => new LayerNorm(shape, { eps, elementwiseAffine: false }), x };
};

/** x/√(mean of x² + eps), and times γ. */
const rmsNorm: Match = (look, name) => {
  for (const [core, weight] of [...look.either('Mul', name), [name, undefined] as const]) {
    const [x, root] = look.is('Div', core) ?? [];
    if (x === undefined) continue;
    for (const [square, eps] of look.either('Add', look.is('Sqrt', root)?.[0])) {
      const mean = look.mean(square);
      const factors = look.is('Mul', mean?.of) ?? [];
      const epsilon = look.number(eps);
      if (!mean || epsilon === undefined || !(factors[0] === x && factors[1] === x)) continue;
      const shape = look.computed(x)?.shape.slice(-mean.axes);
      const gamma = look.constant(weight);
      if (!shape || (weight !== undefined && gamma?.shape.join() !== shape.join())) continue;
      const options = { eps: epsilon, elementwiseAffine: gamma !== undefined };
      const make = () => withValues(new RMSNorm(shape, options), { weight: gamma?.values });
      return weight === undefined ? { make, x } : { make, x, weight };
    }
  }
  return undefined;
};

/** PyTorch's GroupNorm before opset 18: an InstanceNormalization of [N, groups, …], then γ and β. */
const groupNorm: Match = (look, name) => {
  for (const [product, bias] of look.either('Add', name)) {
    for (const [back, weight] of look.either('Mul', product)) {
      const norm = look.is('Reshape', back)?.[0];
      const [flat, ones, zeros] = look.is('InstanceNormalization', norm) ?? [];
      const x = look.is('Reshape', flat)?.[0];
      const shape = x === undefined ? undefined : look.computed(x)?.shape;
      const [gamma, beta] = [look.constant(weight), look.constant(bias)];
      const groups = look.constant(ones)?.values;
      if (!shape || !gamma || !beta || !groups || x === undefined) continue;
      const plain =
        groups.every((v) => v === 1) && look.constant(zeros)?.values.every((v) => v === 0);
      const c = shape[1]!;
      const after = norm === undefined ? undefined : look.computed(norm)?.shape;
      if (
        !plain ||
        gamma.values.length !== c ||
        beta.values.length !== c ||
        after?.[1] !== groups.length
      )
        continue;
      const eps = look.attribute(norm!, 'epsilon') ?? 1e-5;
      const values = { weight: gamma.values, bias: beta.values };
      return {
        make: () => withValues(new GroupNorm(groups.length, c, { eps }), values),
        x,
        weight,
      };
    }
  }
  return undefined;
};

const PATTERNS: readonly Match[] = [silu, gelu, groupNorm, layerNorm, rmsNorm];
const LAST = new Set(['Mul', 'Add', 'Div']);

/** The layer whose last operator a node is; undefined if it is that of none. */
export function matchPattern(node: NodeReading, lookup: Lookup): Computed | undefined {
  if (!LAST.has(node.op)) return undefined;
  const look = new Matcher(lookup);
  for (const pattern of PATTERNS) {
    const found = pattern(look, node.node.output[0]!);
    const x = found && look.computed(found.x);
    if (found && x) return node.layerNamed(found.make, x, found.weight);
  }
  return undefined;
}
