import { afterEach, describe, expect, it } from 'vitest';
import {
  Adagrad,
  Adam,
  AdamW,
  clipGradNorm,
  clipGradValue,
  gradNorm,
  Lion,
  memoryUsage,
  NAdam,
  type Optimizer,
  Parameter,
  RAdam,
  RMSprop,
  SGD,
  Tensor,
} from '../../src/index.ts';
import { allocateGradients } from '../../src/tensor/parameter.ts';
import { expectClose } from '../support/close.ts';
import { type GoldenTensor, readGoldens } from '../support/goldens.ts';
import { TestRandom } from '../support/random.ts';

const [given, ...cases] = readGoldens('optim');
const classes = { SGD, Adam, AdamW, RMSprop, NAdam, RAdam, Adagrad, Lion };
type Name = keyof typeof classes;

// biome-ignore lint/suspicious/noExplicitAny: each class has its own options
function make(name: Name, params: any, options: any): Optimizer {
  return new classes[name](params, options) as unknown as Optimizer;
}

const made: { dispose(): void }[] = [];
afterEach(() => {
  for (const thing of made.splice(0)) thing.dispose();
});

function track<T extends { dispose(): void }>(thing: T): T {
  made.push(thing);
  return thing;
}

function goldenParameters(): Parameter[] {
  return given!.weights.map((weight: GoldenTensor) => track(new Parameter(weight)));
}

/** What a backward does: a gradient, and the mark that there is one. */
function setGrad(parameter: Parameter, values: ArrayLike<number>): void {
  parameter.grad!.view().set(values);
  parameter.touched = true;
}

function setGoldenGrads(parameters: readonly Parameter[], step: number, skipped = -1): void {
  allocateGradients(parameters);
  for (const [k, parameter] of parameters.entries()) {
    parameter.zeroGrad();
    if (k !== skipped) setGrad(parameter, given!.grads[step - 1][k].data);
  }
}

describe('optimizers against PyTorch', () => {
  it('groups with options of their own', () => {
    const golden = cases.find((c) => c.name === 'groups')!;
    const [a, b] = goldenParameters() as [Parameter, Parameter];
    const groups = [{ params: [a] }, { params: [b], lr: 0.05, weightDecay: 0.1 }];
    const optimizer = track(new Adam(groups, { lr: 0.01 }));
    for (let step = 1; step <= 5; step++) {
      setGoldenGrads([a, b], step);
      optimizer.step();
    }
    expectClose(a.data.view(), golden.after[0].data, { scaled: 1e-6 });
    expectClose(b.data.view(), golden.after[1].data, { scaled: 1e-6 });
    expect(optimizer.stateDict().param_groups).toMatchObject(golden.groups);
    expect(optimizer.lr).toBe(0.01);
    expect(optimizer.groups[1]!.lr).toBe(0.05);
    optimizer.lr = 0.002;
    expect(optimizer.groups.map(({ lr }) => lr)).toEqual([0.002, 0.002]);
  });
});

describe('addParamGroup', () => {
  it('= PyTorch: the group has its own steps, and the options of the optimizer', () => {
    const golden = cases.find((c) => c.name === 'addParamGroup')!;
    const [a, b] = goldenParameters() as [Parameter, Parameter];
    const optimizer = track(new Adam([a], { lr: 0.01 }));
    for (let step = 1; step <= 5; step++) {
      if (step === 3) optimizer.addParamGroup({ params: [b], weightDecay: 0.1 });
      setGoldenGrads([a, b], step);
      optimizer.step();
    }
    expectClose(a.data.view(), golden.after[0].data, { scaled: 1e-6 });
    expectClose(b.data.view(), golden.after[1].data, { scaled: 1e-6 });
    expect(optimizer.groups[1]).toMatchObject({ lr: 0.01, weightDecay: 0.1, eps: 1e-8 });
    const { state, param_groups } = optimizer.stateDict();
    expect(param_groups.map(({ params }) => params)).toEqual([[0], [1]]);
    expect([0, 1].map((k) => state[k]!.step!.item())).toEqual([5, 3]);

    // The same bits from the state dict in an optimizer that was made with both groups.
    const other = track(new Adam([{ params: [a] }, { params: [b] }]));
    other.loadStateDict({ state, param_groups });
    expect(other.stateDict()).toEqual({ state, param_groups });
  });

  it('refuses what it has already and what is no group, and adds nothing of it', () => {
    const [a, b] = goldenParameters() as [Parameter, Parameter];
    const optimizer = track(new SGD([a], { lr: 0.01 }));
    const add = (group: unknown) => () => optimizer.addParamGroup(group as never);
    expect(add({ params: [b, a] })).toThrow('SGD: the same Parameter stands in params twice');
    expect(add({ params: [b], lr: -1 })).toThrow('SGD: lr expected');
    expect(add({ params: [b], betas: [0, 1] })).toThrow('SGD: unknown option betas');
    expect(add({ params: [b.data] })).toThrow('expected Parameters, got a');
    for (const none of [null, undefined, 3, [b], {}]) {
      expect(add(none)).toThrow('SGD.addParamGroup: group expected a group { params, lr }, got');
    }
    expect(optimizer.groups.length).toBe(1);
    optimizer.addParamGroup({ params: [b] });
    expect(optimizer.stateDict().param_groups.length).toBe(2);
    optimizer.dispose();
    expect(add({ params: [] })).toThrow('after dispose()');
  });
});

/** Parameters, some of them neighbours in memory, some with gaps between. */
function parametersOf(sizes: readonly number[], gaps = false): Parameter[] {
  const random = new TestRandom(5);
  return sizes.map((n) => {
    if (gaps) track(new Parameter(Tensor.zeros([7])));
    return track(new Parameter(Tensor.from(random.normals(n))));
  });
}

const SIZES = [1, 16, 5, 33, 100];
const CONFIGURATIONS: [Name, object][] = [
  ['SGD', { lr: 0.1 }],
  ['SGD', { lr: 0.1, momentum: 0.9, weightDecay: 0.1 }],
  ['Adam', { lr: 0.1, weightDecay: 0.1, amsgrad: true }],
  ['Adam', { lr: 0.1, eps: 0 }],
  ['RMSprop', { lr: 0.1, momentum: 0.9, centered: true }],
  ['RMSprop', { lr: 0.1, eps: 0 }],
  ['NAdam', { lr: 0.1, weightDecay: 0.1 }],
  ['RAdam', { lr: 0.1, betas: [0.9, 0.8], decoupledWeightDecay: true, weightDecay: 0.1 }],
  ['Adagrad', { lr: 0.1, initialAccumulatorValue: 0.5, lrDecay: 0.1 }],
  ['Lion', { lr: 0.1, weightDecay: 0.1, maximize: true }],
];

describe.each(CONFIGURATIONS)('%s %o', (name, options) => {
  const train = (parameters: Parameter[], steps: number, from = 0) => {
    const optimizer = track(make(name, parameters, options));
    run(optimizer, parameters, steps, from);
    return optimizer;
  };
  const run = (optimizer: Optimizer, parameters: Parameter[], steps: number, from = 0) => {
    allocateGradients(parameters);
    for (let step = from; step < from + steps; step++) {
      optimizer.zeroGrad();
      for (const [k, parameter] of parameters.entries()) {
        setGrad(parameter, new TestRandom(100 * step + k).normals(parameter.size));
      }
      optimizer.step();
    }
  };
  const values = (parameters: readonly Parameter[]) => parameters.map((p) => p.data.toArray());

  it('gives the same bits whatever stands between the parameters', () => {
    const together = parametersOf(SIZES);
    const apart = parametersOf(SIZES, true);
    train(together, 4);
    train(apart, 4);
    expect(values(apart)).toEqual(values(together));
  });

  it('updates no frozen parameter and no skipped one, moments included', () => {
    const parameters = parametersOf(SIZES);
    const optimizer = train(parameters, 2);
    const before = values(parameters);
    const dictBefore = optimizer.stateDict();
    parameters[1]!.requiresGrad = false;
    optimizer.zeroGrad();
    for (const k of [0, 1, 3]) setGrad(parameters[k]!, new TestRandom(k).normals(SIZES[k]!));
    optimizer.step();
    const after = values(parameters);
    const dict = optimizer.stateDict();
    for (const k of SIZES.keys()) {
      const updated = k === 0 || k === 3;
      if (updated) expect(after[k]).not.toEqual(before[k]);
      else expect(after[k]).toEqual(before[k]);
      if (!updated) expect(dict.state[k]).toEqual(dictBefore.state[k]);
    }
    parameters[1]!.requiresGrad = true;
  });

  it('goes on from a state dict as if there had been no break', () => {
    const straight = parametersOf(SIZES);
    train(straight, 6);

    const parameters = parametersOf(SIZES);
    const dict = train(parameters, 3).stateDict();
    const second = track(new classes[name](parameters, { lr: 7 }) as unknown as Optimizer);
    second.loadStateDict(dict);
    expect(second.stateDict()).toEqual(dict);
    run(second, parameters, 3, 3);
    expect(values(parameters)).toEqual(values(straight));
    // A snapshot: later steps did not write it.
    if (Object.keys(dict.state).length > 0) expect(second.stateDict()).not.toEqual(dict);
  });

  it('takes no memory in a steady step and gives all of it back', () => {
    const parameters = parametersOf(SIZES);
    allocateGradients(parameters);
    const before = memoryUsage().used;
    const optimizer = train(parameters, 1);
    const steady = memoryUsage();
    run(optimizer, parameters, 50);
    expect(memoryUsage()).toEqual(steady);
    optimizer.dispose();
    expect(memoryUsage().used).toBe(before);
    expect(() => optimizer.step()).toThrow('step after dispose()');
  });
});

describe('optimizers: what they refuse', () => {
  const parameter = () => track(new Parameter(Tensor.zeros([2, 3])));

  it('bad options', () => {
    const p = [parameter()];
    expect(() => new SGD(p, { lr: -1 })).toThrow('SGD: lr expected a number ≥ 0, got -1');
    expect(() => new SGD(p, { lr: Number.NaN })).toThrow(RangeError);
    expect(() => new SGD(p, { momentum: -0.1 })).toThrow('momentum');
    expect(() => new SGD(p, { nesterov: true })).toThrow('nesterov expected a momentum');
    expect(() => new SGD(p, { nesterov: true, momentum: 0.9, dampening: 0.1 })).toThrow('nesterov');
    expect(() => new Adam(p, { betas: [0.9, 1] })).toThrow('betas[1] expected below 1');
    expect(() => new AdamW(p, { eps: -1 })).toThrow('AdamW: eps');
    expect(() => new RMSprop(p, { alpha: 2 })).toThrow('alpha');
    expect(() => new NAdam(p, { momentumDecay: -1 })).toThrow('NAdam: momentumDecay');
    expect(() => new RAdam(p, { betas: [1, 0.9] })).toThrow('RAdam: betas[0] expected below 1');
    expect(() => new Adagrad(p, { lrDecay: -1 })).toThrow('Adagrad: lrDecay');
    expect(() => new Adagrad(p, { initialAccumulatorValue: -1 })).toThrow('initialAccumulator');
    expect(() => new Lion(p, { betas: [0.9, 1] })).toThrow('Lion: betas[1]');
    expect(() => new SGD(p, { maximize: 1 as never })).toThrow('maximize expected true or false');
    expect(() => new Adam([{ params: p, lr: -1 }])).toThrow('lr');
  });

  it('bad parameters', () => {
    const p = parameter();
    expect(() => new SGD([])).toThrow('expected at least one');
    expect(() => new SGD([p, p])).toThrow('twice');
    expect(() => new SGD([{ params: [p] }, { params: [p] }])).toThrow('twice');
    expect(() => new SGD([Tensor.zeros([2])] as never)).toThrow(
      'expected Parameters, got a Tensor',
    );
    expect(() => new SGD([p, { params: [parameter()] }] as never)).toThrow('got both');
    expect(() => new SGD(p as never)).toThrow(TypeError);
  });

  it('options left undefined are the defaults', () => {
    const options = { lr: undefined, weightDecay: undefined } as never;
    expect(new AdamW([parameter()], options).groups[0]).toMatchObject({
      lr: 1e-3,
      weightDecay: 0.01,
    });
  });

  it('a state dict that does not fit, and loads nothing of it', () => {
    const parameters = [parameter(), parameter()];
    allocateGradients(parameters);
    for (const p of parameters) setGrad(p, [1, 2, 3, 4, 5, 6]);
    const optimizer = track(new Adam(parameters, { lr: 0.5 }));
    optimizer.step();
    const good = optimizer.stateDict();
    const refuse = (dict: unknown, message: string) => {
      expect(() => optimizer.loadStateDict(dict as never)).toThrow(message);
      expect(optimizer.stateDict()).toEqual(good);
    };
    const group = { ...good.param_groups[0]!, lr: 9 };
    const state = good.state;
    refuse({}, 'expected { state, param_groups }');
    refuse({ state, param_groups: [group, group] }, 'expected groups of 2 parameters, got 2 + 2');
    refuse({ state, param_groups: [{ ...group, params: [0] }] }, 'got 1');
    refuse({ state, param_groups: [{ ...group, lr: '1' }] }, 'lr expected');
    refuse({ state, param_groups: [{ ...group, lr: -1 }] }, 'lr expected');
    refuse({ state, param_groups: [{ ...group, maximize: 1 }] }, 'maximize expected true or false');
    const { exp_avg: _, ...lacking } = state[1]!;
    refuse({ state: { ...state, 1: lacking }, param_groups: [group] }, 'exp_avg is missing');
    const misshapen = { ...state[1], exp_avg: Tensor.zeros([3, 2]) };
    refuse(
      { state: { ...state, 1: misshapen }, param_groups: [group] },
      'parameter 1: exp_avg expected [2, 3], got [3, 2]',
    );
    const halfStep = { ...state[1], step: 0.5 };
    refuse({ state: { ...state, 1: halfStep }, param_groups: [group] }, 'step expected');
  });

  it.each(CONFIGURATIONS)('%s %o: malformed entries of a state dict', (name, options) => {
    const parameters = [parameter(), parameter()];
    const optimizer = track(make(name, parameters, options));
    allocateGradients(parameters);
    for (const p of parameters) setGrad(p, [1, 2, 3, 4, 5, 6]);
    optimizer.step();
    const good = optimizer.stateDict();
    const before = parameters.map((p) => p.data.toArray());
    const { state, param_groups } = good;
    const refuse = (dict: unknown, message: string) => {
      expect(() => optimizer.loadStateDict(dict as never)).toThrow(
        `${name}.loadStateDict: ${message}`,
      );
      expect(optimizer.stateDict()).toEqual(good);
      expect(parameters.map((p) => p.data.toArray())).toEqual(before);
    };
    const entry = (changes: object) => ({
      state: { ...state, 1: { ...state[1], ...changes } },
      param_groups,
    });
    for (const dict of [null, undefined, 3, {}, { state: null, param_groups }, { param_groups }]) {
      refuse(dict, 'expected { state, param_groups } as stateDict() returns it, got ');
    }
    for (const group of [null, 5, {}, { params: 'ab' }, { params: [0, undefined] }]) {
      const message = 'param_groups[0].params expected numbers of parameters, got ';
      refuse({ state, param_groups: [group] }, message);
    }
    for (const found of [null, 7, 'moments']) {
      const dict = { state: { ...state, 1: found }, param_groups };
      refuse(dict, 'parameter 1: expected its moments by name, got ');
    }
    const [first = {}] = [state[1]];
    for (const moment of Object.keys(first).filter(
      (key) => !['step', 'mu_product'].includes(key),
    )) {
      const where = `parameter 1: ${moment}`;
      const tensor = `${where}: expected a Tensor or { data, shape }, got `;
      for (const value of [5, 'x', {}]) refuse(entry({ [moment]: value }), tensor);
      const short = { data: [1, 2], shape: [2, 3] };
      refuse(entry({ [moment]: short }), `${where}: shape [2, 3] expected 6 elements, got 2`);
      if (!('step' in first)) continue;
      for (const value of [undefined, null]) {
        refuse(entry({ [moment]: value }), `${where} is missing: expected a Tensor [2, 3]; leave`);
      }
    }
    if (!('step' in first)) return;
    for (const step of [undefined, null]) {
      const message =
        'parameter 1: step is missing: expected the number of its updates so far; ' +
        'leave the whole entry out to start it anew';
      refuse(entry({ step }), message);
    }
    const { step: _, ...lacking } = first;
    refuse({ state: { ...state, 1: lacking }, param_groups }, 'parameter 1: step is missing');
    const wrong: [step: unknown, got: string][] = [
      [-1, 'the number -1'],
      ['2', 'the string 2'],
      [Number.NaN, 'the number NaN'],
      [Tensor.from(1.5), 'the number 1.5'],
      [Tensor.from([1, 2]), '2 numbers'],
      [{ data: [], shape: [0] }, '0 numbers'],
    ];
    for (const [step, got] of wrong) {
      refuse(entry({ step }), `parameter 1: step expected a whole number ≥ 0, got ${got}`);
    }
    if ('mu_product' in first) {
      refuse(
        entry({ mu_product: null }),
        'parameter 1: mu_product is missing: expected a number; ',
      );
      const two = Tensor.from([1, 2]);
      refuse(entry({ mu_product: two }), 'parameter 1: mu_product expected one number, got 2');
      refuse(entry({ mu_product: 'x' }), 'parameter 1: mu_product expected one number, got the st');
    }
    refuse(entry({ step: {} }), 'parameter 1: step: expected a Tensor or { data, shape }, got ');
  });

  it('betas that are not two numbers', () => {
    const p = [parameter()];
    expect(() => new Adam(p, { betas: [0.9] as never })).toThrow(
      'Adam: betas expected two numbers such as [0.9, 0.999], got an array of 1',
    );
    expect(() => new Adam(p, { betas: 0.9 as never })).toThrow(
      'betas expected two numbers such as [0.9, 0.999], got the number 0.9',
    );
    const optimizer = track(new Adam(p));
    const param_groups = [{ params: [0], betas: [0.9] }];
    expect(() => optimizer.loadStateDict({ state: {}, param_groups })).toThrow('two numbers');
    expect(optimizer.groups[0]!.betas).toEqual([0.9, 0.999]);
  });

  it("takes PyTorch's extra options and plain steps", () => {
    const [p] = [parameter()];
    const optimizer = track(new Adam([p]));
    const moment = { shape: [2, 3], data: [1, 2, 3, 4, 5, 6] };
    optimizer.loadStateDict({
      state: { 0: { step: 3, exp_avg: moment, exp_avg_sq: moment } },
      param_groups: [
        { lr: 0.25, betas: [0.8, 0.9], foreach: null, maximize: false, initial_lr: 1, params: [0] },
      ],
    });
    expect(optimizer.groups[0]).toMatchObject({ lr: 0.25, betas: [0.8, 0.9], eps: 1e-8 });
    const { state } = optimizer.stateDict();
    expect(state[0]!.step!.item()).toBe(3);
    expect(Array.from(state[0]!.exp_avg!.toArray())).toEqual(moment.data);
  });
});

describe('gradient clipping', () => {
  const parameters = () => {
    const found = goldenParameters();
    setGoldenGrads(found, 1);
    return found;
  };

  for (const golden of cases.filter((c) => c.name === 'clipGradNorm')) {
    const normType = golden.normType === 'inf' ? Infinity : (golden.normType ?? 2);
    it(`clipGradNorm to ${golden.maxNorm} in the norm ${normType} = PyTorch`, () => {
      const found = parameters();
      const norms = [
        gradNorm(found, { normType }),
        clipGradNorm(found, golden.maxNorm, { normType }),
      ];
      expectClose(norms, [golden.norm, golden.norm], { rtol: 1e-6 }, 'norm');
      for (const [k, { grad }] of found.entries()) {
        expectClose(grad!.view(), golden.after[k].data, { rtol: 1e-6 }, `grad ${k}`);
      }
      const norm = gradNorm(found, { normType });
      expect(norm).toBeLessThanOrEqual(golden.maxNorm * (1 + 1e-6));
    });
  }

  it('leaves out parameters that have no gradient or are frozen', () => {
    const found = parameters();
    const alone = gradNorm([found[0]!]);
    found[1]!.requiresGrad = false;
    expect(gradNorm(found)).toBe(alone);
    found[1]!.requiresGrad = true;
    found[1]!.zeroGrad();
    expect(gradNorm(found)).toBe(alone);
  });

  it('a NaN makes all NaN, as in PyTorch', () => {
    const found = parameters();
    found[0]!.grad!.view()[3] = Number.NaN;
    for (const normType of [1, 3, Infinity]) expect(gradNorm(found, { normType })).toBeNaN();
    expect(clipGradNorm(found, 1)).toBeNaN();
    expect(found[1]!.grad!.view().every((v) => Number.isNaN(v))).toBe(true);
  });

  it('clipGradValue', () => {
    const found = parameters();
    const before = found.map(({ grad }) => grad!.toArray());
    clipGradValue(found, 0.25);
    for (const [k, { grad }] of found.entries()) {
      expect(grad!.toArray()).toEqual(before[k]!.map((v) => Math.min(Math.max(v, -0.25), 0.25)));
    }
    expect(() => clipGradValue(found, -1)).toThrow('limit');
    expect(() => clipGradNorm(found, -1)).toThrow('maxNorm');
    for (const normType of [0, -1, Number.NaN]) {
      expect(() => clipGradNorm(found, 1, { normType })).toThrow('clipGradNorm: normType expected');
      expect(() => gradNorm(found, { normType })).toThrow('gradNorm: normType expected');
    }
  });
});
