/** What a forward should give: the interpreter's exact run, and runs with noise that show how far it may be off. */
import { defaultGenerator, type Module, type Parameter, type Tensor } from '../../src/index.ts';
import { TestRandom } from '../support/random.ts';
import { interpret, type Made, Refusal, Run, type Values } from './interpreter/interpret.ts';
import type { NetSpec } from './net.ts';
import { check, type Expected, Mismatch, type World } from './world.ts';

/** Two runs show a few random roundings; the worst of all is larger. With 15, one sequence in 40,000 was over. */
const MARGIN = 40;

/** A forward: its exact run and those with noise. */
export interface Forward {
  readonly made: readonly Made[];
  readonly runs: readonly Run[];
  /** What was trained when it ran, by name. */
  readonly trained: ReadonlyMap<string, Parameter>;
  readonly parameters: readonly Parameter[];
}

/** What a forward of the model should give; undefined if it should be refused. */
export function expectForward(
  model: Module,
  spec: NetSpec,
  world: World,
  x: Values,
  training: (layer: number) => boolean,
): Forward | undefined {
  const parameters = new Map(model.namedParameters());
  const trained = new Map([...parameters].filter(([, { requiresGrad }]) => requiresGrad));
  const runs = [undefined, new TestRandom(1), new TestRandom(2)].map((noise) => {
    const state = Object.fromEntries(
      Object.entries(world.state).map(([name, values]) => [name, Float64Array.from(values)]),
    );
    return new Run(state, training, { ...defaultGenerator.state }, noise);
  });
  try {
    const made = runs.map((run) => interpret(spec, { ...x, data: run.shaken(x.data) }, run));
    return { made, runs, trained, parameters: [...parameters.values()] };
  } catch (error) {
    if (error instanceof Refusal) return undefined;
    throw error;
  }
}

export function checkOutput(y: Tensor, { made }: Forward): void {
  const { shape } = made[0]!.y;
  if (`${y.shape}` !== `${shape}`) {
    throw new Mismatch(`y: expected shape [${shape}], got [${y.shape}]`);
  }
  const expected = expectedOf(made, (one) => one.y.data);
  check(y.toArray(), expected, 'y');
}

/** The exact values, and how far noise moves them. */
export function expectedOf<T>(
  [exact, ...noisy]: readonly T[],
  read: (of: T) => Float64Array,
): Expected {
  const values = read(exact!);
  let slack = 0;
  for (const one of noisy) {
    const other = read(one);
    for (let i = 0; i < values.length; i++)
      slack = Math.max(slack, Math.abs(other[i]! - values[i]!));
  }
  return { values, slack: MARGIN * slack };
}
