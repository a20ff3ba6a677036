import { Module } from '../module/module.ts';
import { checkNumber } from '../tensor/check.ts';
import { checkInstance, optionsOf } from '../tensor/options.ts';
import { defaultGenerator, Generator } from '../tensor/random.ts';
import { ownShape, type Shape, sizeOf } from '../tensor/shape.ts';
import { type Input, Tensor } from '../tensor/tensor.ts';

export interface GradcheckOptions {
  /**
   * How far a gradient may be from the difference quotient, as a fraction of the tensor's largest one. Default 0.02.
   */
  tolerance?: number;
  /** Seed of the inputs, the gradients of the outputs, and the elements that are tried. Default 0. */
  seed?: number;
  /** How many elements of each tensor are tried. Default 64. */
  elements?: number;
}

/** What `gradcheck` found. */
export interface GradcheckResult {
  /** How many elements were tried. */
  readonly checked: number;
  /** The largest difference, as a fraction of its tensor's largest quotient. */
  readonly worst: number;
}

/** Half the distance of the points that a quotient is taken from. */
const STEP = 2 ** -8;

/** The error of a float32 number of size 1. */
const ROUNDING = 2 ** -24;

/** A tensor whose gradient is compared: an input, or a parameter. */
interface Compared {
  readonly name: string;
  readonly gradient: Float32Array;
  /** Reads and writes the values that the differences are taken of. */
  readonly get: (i: number) => number;
  readonly set: (i: number, value: number) => void;
}

/**
 * Compares the gradients of a module with differences of its outputs: whether the `differentiate` of a layer of your
 * own belongs to its `compute`.
 *
 *   ∂L/∂p ≈ (L(p + h) − L(p − h)) / 2h,   L = Σ r·y with random r,   h = 2⁻⁸
 *
 * Inputs are drawn from N(0, 1), and so is r: where all r are equal, batch norm's gradient is zero, and a wrong one
 * would pass. At a kink, such as ReLU's at 0, the quotient of either side counts as well. Random draws are the same
 * in each forward. The module does not change: a copy of it is checked.
 *
 * ```ts
 * gradcheck(new Square(), [4, 3]);          // throws if a gradient is wrong
 * ```
 *
 * @param shape the shape of the input, or an array of shapes for several inputs
 * @throws RangeError if a gradient is wrong: which, where, and by how much
 */
export function gradcheck(
  module: Module,
  shape: Shape | readonly Shape[],
  ...rest: [options?: GradcheckOptions | undefined]
): GradcheckResult {
  checkInstance('gradcheck: module', module, Module, 'a Module');
  const { tolerance, seed, elements } = optionsOf('gradcheck', rest, {
    tolerance: 0.02,
    seed: 0,
    elements: 64,
  });
  checkNumber('gradcheck', 'tolerance', tolerance, 0);
  checkNumber('gradcheck', 'elements', elements, 1);
  const several = Array.isArray(shape?.[0]);
  const shapes = (several ? shape : [shape]) as readonly Shape[];
  const generator = new Generator(seed);
  const inputs = shapes.map((each) => generator.normal(ownShape('gradcheck: shape', each)));
  const { state } = defaultGenerator;
  const copy = module.clone();
  try {
    return compare(`gradcheck: ${module}`, copy, inputs, generator, tolerance, elements);
  } finally {
    defaultGenerator.state = state;
    copy.dispose();
  }
}

function compare(
  who: string,
  model: Module,
  inputs: readonly Tensor[],
  generator: Generator,
  tolerance: number,
  elements: number,
): GradcheckResult {
  const { state: drawn } = defaultGenerator;
  const buffers = model.namedBuffers().map(([, buffer]) => [buffer, buffer.data.clone()] as const);
  const x: readonly Input[] = inputs;
  const forward = (): unknown => {
    defaultGenerator.state = drawn;
    for (const [buffer, values] of buffers) buffer.assign(values);
    return model.forward(x.length === 1 ? x[0]! : x);
  };
  const factors = tensorsOf(forward()).map((y) => generator.normal(y.shape));
  let size = 0;
  /** Σ r·y in float64. */
  const total = (): number => {
    let sum = 0;
    size = 0;
    for (const [i, y] of tensorsOf(forward()).entries()) {
      const [values, r] = [y.toArray(), factors[i]!.view()];
      for (let j = 0; j < values.length; j++) {
        sum += values[j]! * r[j]!;
        size += Math.abs(values[j]! * r[j]!);
      }
    }
    return sum;
  };
  const compared = gradientsOf(model, inputs, factors, forward);
  let worst = 0;
  let checked = 0;
  const here = total();
  for (const { name, gradient, get, set } of compared) {
    const order = generator.permutation(gradient.length).subarray(0, elements);
    const quotients = Array.from(order, (i) => {
      const value = get(i);
      const at = (moved: number): number => {
        set(i, moved);
        return total();
      };
      const [above, below] = [Math.fround(value + STEP), Math.fround(value - STEP)];
      const [high, low] = [at(above), at(below)];
      set(i, value);
      return [
        (high - low) / (above - below),
        (high - here) / (above - value),
        (here - low) / (value - below),
      ] as const;
    });
    const largest = Math.max(...quotients.map(([middle]) => Math.abs(middle)));
    const noise = (4 * ROUNDING * size) / STEP;
    for (const [k, near] of quotients.entries()) {
      const found = gradient[order[k]!]!;
      const off = Math.min(...near.map((quotient) => Math.abs(found - quotient)));
      checked++;
      if (off <= noise) continue; // NaN is not
      worst = Math.max(worst, off / largest);
      if (off <= tolerance * largest) continue;
      throw new RangeError(
        `${who}: the gradient of ${name} expected ${near[0].toPrecision(4)} at [${order[k]}], by differences, got ` +
          `${found.toPrecision(4)}: compare its backward with its forward`,
      );
    }
  }
  return { checked, worst };
}

/** What a forward returned, as a list. */
function tensorsOf(output: unknown): readonly Tensor[] {
  return output instanceof Tensor ? [output] : Object.values(output as object);
}

/** The gradients of Σ r·y with respect to all inputs and trained parameters. */
function gradientsOf(
  model: Module,
  inputs: readonly Tensor[],
  factors: readonly Tensor[],
  forward: () => unknown,
): Compared[] {
  model.zeroGrad();
  const output: unknown = forward();
  const dy =
    output instanceof Tensor
      ? factors[0]!
      : Object.fromEntries(Object.keys(output as object).map((name, i) => [name, factors[i]!]));
  const back = model.backward<Tensor | Tensor[]>(dy as never);
  const dx = Array.isArray(back) ? back : [back];
  return [
    ...inputs.map((input, i) => ({
      name: inputs.length > 1 ? `input ${i}` : 'the input',
      gradient: dx[i]!.toArray(),
      get: (j: number) => input.view()[j]!,
      set: (j: number, value: number) => {
        input.view()[j] = value;
      },
    })),
    ...model
      .namedParameters()
      .filter(([, parameter]) => parameter.requiresGrad)
      .map(([name, parameter]) => ({
        name,
        gradient: parameter.grad?.toArray() ?? new Float32Array(sizeOf(parameter.shape)),
        get: (j: number) => parameter.data.view()[j]!,
        set: (j: number, value: number) => {
          parameter.data.view()[j] = value;
          parameter.version++;
        },
      })),
  ];
}
