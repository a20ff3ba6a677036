/**
 * Random draws. In a Module's `forward` they are fresh in each step. A prediction draws from the generator's state
 * and leaves it as it is.
 */
import type { Use } from '../graph/node.ts';
import { activeTrace, type Trace } from '../graph/trace.ts';
import { kernels } from '../runtime/engine.ts';
import { ops } from '../runtime/ops.ts';
import { checkInstance, optionsOf } from '../tensor/options.ts';
import { defaultGenerator, Generator, RANDOM_SCRATCH } from '../tensor/random.ts';
import { checkExtents, ownShape, type Shape, sizeOf } from '../tensor/shape.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { apply, applyIn, type Operand, shapeOf, TensorOperation, traceOf } from './operation.ts';

export interface RandomOptions {
  /** Where the numbers come from. Default the generator that `manualSeed` seeds. */
  generator?: Generator;
}

function generatorOf(who: string, rest: readonly (RandomOptions | undefined)[]): Generator {
  const { generator } = optionsOf(who, rest, { generator: defaultGenerator });
  checkInstance(`${who}: generator`, generator, Generator, 'a Generator');
  return generator;
}

/** How many blocks of the generator's stream the draws of a trace take. */
const blocks = new WeakMap<Trace, number>();

/** Numbers from a generator. */
class Draw extends TensorOperation {
  /** How many blocks of the stream the draws before this one take. */
  private readonly before: number;

  constructor(
    name: 'randn' | 'rand',
    private readonly shape: Shape,
    private readonly generator: Generator,
    trace: Trace | undefined,
  ) {
    super(name, [shape]);
    this.before = (trace && blocks.get(trace)) ?? 0;
    if (trace) blocks.set(trace, this.before + Math.ceil(sizeOf(shape) / 4));
  }

  connect(use: Use): Shape {
    use.reserveScratch(RANDOM_SCRATCH);
    return this.shape;
  }

  run(use: Use): void {
    const n = use.output.slot.length;
    const { generator, before } = this;
    const { state } = generator;
    if (use.recording) generator.draw(n);
    const counter = state.counter + (use.recording ? 0 : before);
    const draw = this.name === 'randn' ? kernels().randomNormal : kernels().randomUniform;
    draw(use.y, 0, 1, state.seed, counter, 0, n, use.scratch);
  }

  runBackward(): void {}
}

function draw(name: 'randn' | 'rand', shape: Shape, generator: Generator, trace?: Trace): Tensor {
  const own = ownShape(name, shape);
  checkExtents(name, own);
  if (trace) return applyIn(trace, new Draw(name, own, generator, trace), []);
  const tensor = apply(new Draw(name, own, generator, undefined), []);
  generator.draw(tensor.size);
  return tensor;
}

/**
 * Numbers from the standard normal distribution. As PyTorch's `torch.randn`, but the numbers are those of
 * evenkeel's generator, the same in every runtime.
 *
 * ```ts
 * const z = add(mu, mul(exp(mul(logVariance, 0.5)), randn(mu.shape)));   // a VAE's sample
 * ```
 *
 * @throws TypeError or RangeError for a shape that is none
 */
export function randn(shape: Shape, ...rest: [options?: RandomOptions | undefined]): Tensor {
  return draw('randn', shape, generatorOf('randn', rest), activeTrace());
}

/**
 * Numbers uniform in [0, 1). As PyTorch's `torch.rand`, but the numbers are those of evenkeel's generator.
 *
 * @throws TypeError or RangeError for a shape that is none
 */
export function rand(shape: Shape, ...rest: [options?: RandomOptions | undefined]): Tensor {
  return draw('rand', shape, generatorOf('rand', rest), activeTrace());
}

class Below extends TensorOperation {
  constructor() {
    super('bernoulli');
  }

  connect(use: Use, shape: Shape): Shape {
    use.noGradient(0);
    use.noGradient(1);
    use.keeps({});
    use.mayOverwriteInput();
    return shape;
  }

  run(use: Use): void {
    ops().below(use.y, use.x, use.input(1), 0, use.output.slot.length);
  }

  runBackward(): void {}
}

/**
 * 1 with probability p, else 0, for each element of p; no gradient flows back. As PyTorch's `torch.bernoulli`.
 *
 * @param p probabilities; outside [0, 1] they count as 0 and 1
 */
export function bernoulli(p: Operand, ...rest: [options?: RandomOptions | undefined]): Tensor {
  const generator = generatorOf('bernoulli', rest);
  const shape = shapeOf('bernoulli', p);
  return apply(new Below(), [draw('rand', shape, generator, traceOf([p]) ?? activeTrace()), p]);
}
