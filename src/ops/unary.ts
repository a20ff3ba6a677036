/** Functions of one tensor, element by element. */
import type { Use } from '../graph/node.ts';
import type { Pointer } from '../memory/memory.ts';
import { kernels } from '../runtime/engine.ts';
import { extra } from '../runtime/extra.ts';
import { ops } from '../runtime/ops.ts';
import { checkNumber } from '../tensor/check.ts';
import { optionsOf } from '../tensor/options.ts';
import type { Shape } from '../tensor/shape.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { apply, type Operand, TensorOperation } from './operation.ts';

/** The two kernels of a function, on n numbers. `saved` is y, or x unless `fromOutput`. */
interface Kernels {
  readonly name: string;
  readonly fromOutput: boolean;
  value(y: Pointer, x: Pointer, n: number): void;
  gradient(dx: Pointer, saved: Pointer, dy: Pointer, n: number): void;
  readonly isReLU?: boolean;
}

class Elementwise extends TensorOperation {
  constructor(
    private readonly kernels: Kernels,
    args: readonly unknown[],
  ) {
    super(kernels.name, args);
  }

  get isReLU(): boolean {
    return this.kernels.isReLU ?? false;
  }

  connect(use: Use, shape: Shape): Shape {
    const { fromOutput } = this.kernels;
    use.keeps({ input: !fromOutput, output: fromOutput });
    use.mayOverwriteInput();
    use.mayOverwriteGradient();
    return shape;
  }

  run(use: Use): void {
    this.kernels.value(use.y, use.x, use.output.slot.length);
  }

  runBackward(use: Use): void {
    const { dx, dy } = use;
    const { fromOutput } = this.kernels;
    if (dx) this.kernels.gradient(dx, fromOutput ? use.y : use.x, dy, use.output.slot.length);
  }
}

function map(x: Operand, functions: Kernels, args: readonly unknown[] = []): Tensor {
  return apply(new Elementwise(functions, args), [x]);
}

/** |x|; dx = dy·sign(x), 0 at 0. As PyTorch's `torch.abs`. */
export function abs(x: Operand): Tensor {
  return map(x, {
    name: 'abs',
    fromOutput: false,
    value: (y, x, n) => ops().absForward(y, x, 0, n),
    gradient: (dx, x, dy, n) => ops().absBackward(dx, x, dy, 0, n),
  });
}

/** x²; dx = 2·x·dy. As PyTorch's `torch.square`. */
export function square(x: Operand): Tensor {
  return map(x, {
    name: 'square',
    fromOutput: false,
    value: (y, x, n) => ops().squareForward(y, x, 0, n),
    gradient: (dx, x, dy, n) => ops().squareBackward(dx, x, dy, 0, n),
  });
}

/** √x, NaN below 0; dx = dy / 2y. As PyTorch's `torch.sqrt`. */
export function sqrt(x: Operand): Tensor {
  return map(x, {
    name: 'sqrt',
    fromOutput: true,
    value: (y, x, n) => ops().sqrtForward(y, x, 0, n),
    gradient: (dx, y, dy, n) => ops().sqrtBackward(dx, y, dy, 0, n),
  });
}

/** 1/√x; dx = −½·dy·y³. As PyTorch's `torch.rsqrt`. */
export function rsqrt(x: Operand): Tensor {
  return map(x, {
    name: 'rsqrt',
    fromOutput: true,
    value: (y, x, n) => ops().rsqrtForward(y, x, 0, n),
    gradient: (dx, y, dy, n) => ops().rsqrtBackward(dx, y, dy, 0, n),
  });
}

/** eˣ; dx = dy·y. As PyTorch's `torch.exp`. */
export function exp(x: Operand): Tensor {
  return map(x, {
    name: 'exp',
    fromOutput: true,
    value: (y, x, n) => extra().expForward(y, x, 0, n),
    gradient: (dx, y, dy, n) => ops().expBackward(dx, y, dy, 0, n),
  });
}

/** ln x, −∞ at 0 and NaN below; dx = dy / x. As PyTorch's `torch.log`. */
export function log(x: Operand): Tensor {
  return map(x, {
    name: 'log',
    fromOutput: false,
    value: (y, x, n) => extra().logForward(y, x, 0, n),
    gradient: (dx, x, dy, n) => ops().logBackward(dx, x, dy, 0, n),
  });
}

/** σ(x) = 1 / (1 + e⁻ˣ); dx = dy·y·(1 − y). As PyTorch's `torch.sigmoid`. */
export function sigmoid(x: Operand): Tensor {
  return map(x, {
    name: 'sigmoid',
    fromOutput: true,
    value: (y, x, n) => extra().sigmoidForward(y, x, 0, n),
    gradient: (dx, y, dy, n) => extra().sigmoidBackward(dx, y, dy, 0, n),
  });
}

/** tanh x; dx = dy·(1 − y²). As PyTorch's `torch.tanh`. */
export function tanh(x: Operand): Tensor {
  return map(x, {
    name: 'tanh',
    fromOutput: true,
    value: (y, x, n) => extra().tanhForward(y, x, 0, n),
    gradient: (dx, y, dy, n) => extra().tanhBackward(dx, y, dy, 0, n),
  });
}

/** max(x, 0); dx = dy where y > 0, else 0. As PyTorch's `torch.relu`. */
export function relu(x: Operand): Tensor {
  return map(x, {
    name: 'relu',
    fromOutput: true,
    value: (y, x, n) => kernels().reluForward(y, x, 0, n),
    gradient: (dx, y, dy, n) => kernels().reluBackward(dx, y, dy, 0, n),
    isReLU: true,
  });
}

export interface ClampOptions {
  /** Default −∞. */
  min?: number;
  /** Default ∞. */
  max?: number;
}

/**
 * min(max(x, min), max); dx = dy where min ≤ x ≤ max, else 0. As PyTorch's `torch.clamp`.
 *
 * @throws TypeError or RangeError for bounds that are no numbers
 */
export function clamp(x: Operand, ...rest: [options?: ClampOptions | undefined]): Tensor {
  const given = optionsOf('clamp', rest, { min: undefined, max: undefined });
  const { min = -Infinity, max = Infinity } = given;
  checkNumber('clamp', 'min', min, -Infinity, Infinity);
  checkNumber('clamp', 'max', max, -Infinity, Infinity);
  return map(
    x,
    {
      name: 'clamp',
      fromOutput: false,
      value: (y, x, n) => extra().hardtanhForward(y, x, min, max, 0, n),
      gradient: (dx, x, dy, n) => ops().clampBackward(dx, x, dy, min, max, 0, n),
    },
    [min, max],
  );
}
