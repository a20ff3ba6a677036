import { afterAll, describe, expect, it } from 'vitest';
import {
  Adam,
  CosineAnnealingLR,
  CosineAnnealingWarmRestarts,
  CyclicLR,
  DecayToFloor,
  ExponentialLR,
  LambdaLR,
  LinearWarmup,
  MultiStepLR,
  OneCycleLR,
  Parameter,
  PolynomialLR,
  ReduceLROnPlateau,
  SGD,
  StepLR,
  Tensor,
} from '../../src/index.ts';
import { expectClose } from '../support/close.ts';

const parameters = [new Parameter(Tensor.zeros([1])), new Parameter(Tensor.zeros([1]))];
afterAll(() => {
  for (const parameter of parameters) parameter.dispose();
});

function optimizer(momentum = 0): SGD {
  const [a, b] = parameters as [Parameter, Parameter];
  return new SGD(
    [
      { params: [a], lr: 0.1 },
      { params: [b], lr: 0.03 },
    ],
    { momentum },
  );
}

describe('schedules', () => {
  it('DecayToFloor: min + (max − min)·e^(−step/speed)', () => {
    const subject = optimizer();
    const schedule = new DecayToFloor(subject, { min: 1e-4, max: 3e-3, speed: 2000 });
    expect(schedule.unit).toBe('step');
    for (const count of [0, 1, 1999, 100_000]) {
      schedule.moveTo(count);
      expectClose([subject.lr], [1e-4 + (3e-3 - 1e-4) * Math.exp(-count / 2000)], { rtol: 1e-15 });
    }
    const own = optimizer();
    new DecayToFloor(own, { min: 0.01, speed: 10 }).step();
    const expected = [0.1, 0.03].map((base) => 0.01 + (base - 0.01) * Math.exp(-0.1));
    expectClose(
      own.groups.map(({ lr }) => lr),
      expected,
      { rtol: 1e-15 },
    );
  });

  it('CosineAnnealingLR comes back up behind tMax', () => {
    const subject = optimizer();
    const schedule = new CosineAnnealingLR(subject, { tMax: 5 });
    schedule.moveTo(10);
    expectClose([subject.lr], [0.1], { rtol: 1e-15 });
    schedule.moveTo(7);
    expectClose([subject.lr], [0.05 * (1 + Math.cos((Math.PI * 7) / 5))], { rtol: 1e-14 });
  });

  it('say what they count', () => {
    expect(new StepLR(optimizer(), { stepSize: 2 }).unit).toBe('epoch');
    expect(new StepLR(optimizer(), { stepSize: 2, unit: 'step' }).unit).toBe('step');
    expect(new OneCycleLR(optimizer(), { maxLr: 1, totalSteps: 9 }).unit).toBe('step');
    expect(new LinearWarmup(optimizer(), { steps: 2 }).unit).toBe('step');
    const epochs = new ExponentialLR(optimizer(), { gamma: 0.9 });
    expect(new LinearWarmup(epochs, { steps: 2 }).unit).toBe('epoch');
    expect(() => new LinearWarmup(epochs, { steps: 2, unit: 'step' })).toThrow(
      'LinearWarmup: counts steps, but the ExponentialLR behind it counts epochs',
    );
  });

  it('OneCycleLR cycles β₁ of Adam, no momentum that is not there, and ends on its last values', () => {
    const adam = new Adam([parameters[0]!], { betas: [0.9, 0.99] });
    const options = { maxLr: 1, epochs: 2, stepsPerEpoch: 5 };
    const schedule = new OneCycleLR(adam, options);
    expect(adam.groups[0]!.betas).toEqual([0.95, 0.99]);
    schedule.moveTo(2);
    expectClose([adam.groups[0]!.betas[0], adam.lr], [0.85, 1], { rtol: 1e-15 });
    schedule.moveTo(9);
    const last = adam.lr;
    expectClose([last], [1 / 25 / 1e4], { rtol: 1e-9 });
    schedule.moveTo(50);
    expectClose([adam.lr], [last], { rtol: 1e-12 });
    const plain = optimizer();
    new OneCycleLR(plain, options).step();
    expect(plain.groups[0]!.momentum).toBe(0);
    const kept = optimizer(0.9);
    new OneCycleLR(kept, { ...options, cycleMomentum: false });
    expect(kept.groups[0]!.momentum).toBe(0.9);
  });

  it('OneCycleLR with hardly a rise starts at the peak', () => {
    const subject = optimizer();
    new OneCycleLR(subject, { maxLr: 1, totalSteps: 10, pctStart: 0.1 });
    expect(subject.lr).toBe(1);
  });

  it.each([Number.NaN, Infinity, -1, undefined])('refuse a rate of %s, and say where', (bad) => {
    const subject = optimizer();
    const factor = (count: number, i: number) => (count === 3 && i === 1 ? (bad as number) : 0.5);
    const schedule = new LambdaLR(subject, factor, { unit: 'step' });
    schedule.moveTo(2);
    const state = schedule.stateDict();
    const rates = subject.groups.map(({ lr }) => lr);
    for (const move of [
      () => schedule.step(),
      () => schedule.moveTo(3),
      () => schedule.loadStateDict({ count: 3, baseLrs: [1, 1] }),
    ]) {
      expect(move).toThrow(/^LambdaLR at step 3: lr expected a number(?: ≥ 0)?, got /);
      expect(schedule.stateDict()).toEqual(state);
      expect(subject.groups.map(({ lr }) => lr)).toEqual(rates);
    }
    schedule.moveTo(4);
    expect(subject.lr).toBe(0.05);
  });

  it('refuse a count that is none, and rates that grow without end', () => {
    const subject = optimizer();
    const schedule = new ExponentialLR(subject, { gamma: 1e300 });
    schedule.step();
    expect(() => schedule.step()).toThrow(
      'ExponentialLR at epoch 2: lr expected a number ≥ 0, got Infinity',
    );
    expect(schedule.count).toBe(1);
    for (const count of [-1, 0.5, Number.NaN, Infinity]) {
      expect(() => schedule.moveTo(count)).toThrow('ExponentialLR: count expected a whole number');
    }
    for (const lr of [Infinity, Number.NaN]) {
      expect(() => new SGD([parameters[0]!], { lr })).toThrow(
        'SGD: lr expected a finite number, got',
      );
      expect(() => new OneCycleLR(optimizer(), { maxLr: lr, totalSteps: 9 })).toThrow('maxLr');
    }
    expect(() => schedule.loadStateDict(null as never)).toThrow('count expected a number');
  });

  it('load all or nothing behind a warmup, too', () => {
    const subject = optimizer();
    const after = new StepLR(subject, { stepSize: 2, unit: 'step' });
    const schedule = new LinearWarmup(after, { steps: 4 });
    schedule.moveTo(5);
    const before = [schedule.stateDict(), after.stateDict(), subject.lr];
    for (const state of [
      { count: -1, baseLrs: [7, 7] },
      { count: 6, baseLrs: [7, Infinity] },
    ]) {
      expect(() => schedule.loadStateDict(state)).toThrow(RangeError);
      expect([schedule.stateDict(), after.stateDict(), subject.lr]).toEqual(before);
    }
    schedule.loadStateDict({ count: 6, baseLrs: [7, 7] });
    expect(after.stateDict()).toEqual({ count: 2, baseLrs: [7, 7] });
    expectClose([subject.lr], [0.7], { rtol: 1e-15 });
  });

  it('may run before the first step of the optimizer', () => {
    const [p] = parameters as [Parameter];
    const subject = new SGD([p], { lr: 1 });
    const schedule = new StepLR(subject, { stepSize: 1 });
    schedule.step();
    p.assign(Tensor.from([1]));
    p.grad = [1];
    subject.step();
    expectClose(p.data.toArray(), [0.9], { rtol: 1e-7 });
    p.grad = null;
  });

  it('a group that is added later has its own rate as base', () => {
    const [a, b] = parameters as [Parameter, Parameter];
    const later = (
      make: (o: SGD) => { step(measured?: number): void; stateDict(): { baseLrs: number[] } },
    ) => {
      const subject = new SGD([a], { lr: 0.5 });
      const schedule = make(subject);
      schedule.step(1);
      subject.addParamGroup({ params: [b], lr: 0.25 });
      schedule.step(1);
      expect(schedule.stateDict().baseLrs).toEqual([0.5, 0.25]);
      return subject.groups.map(({ lr }) => lr);
    };
    expectClose(
      later((o) => new ExponentialLR(o, { gamma: 0.5 })),
      [0.125, 0.0625],
      {},
    );
    const one = later((o) => new OneCycleLR(o, { maxLr: 0.5, totalSteps: 9, pctStart: 0.4 }));
    expectClose([one[0]! / 2], [one[1]!], { rtol: 1e-12 });
    expect(later((o) => new ReduceLROnPlateau(o, { patience: 0, factor: 0.5 }) as never)).toEqual([
      0.25, 0.125,
    ]);
  });

  it('CyclicLR: heights of your own, β₁ of Adam, and no momentum that is not there', () => {
    const adam = new Adam([parameters[0]!], { betas: [0.85, 0.99] });
    const seen: number[] = [];
    const scaleFn = (x: number) => {
      seen.push(x);
      return 1 / x;
    };
    const schedule = new CyclicLR(adam, { baseLr: 0, maxLr: 1, stepSizeUp: 2, scaleFn });
    expect(adam.groups[0]!.betas).toEqual([0.9, 0.99]);
    schedule.moveTo(6);
    expect(adam.lr).toBe(0.5);
    expectClose([adam.groups[0]!.betas[0]], [0.85], { rtol: 1e-12 });
    expect(new Set(seen)).toEqual(new Set([1, 2]));
    const counts = { scaleFn: (x: number) => x, scaleMode: 'iterations' } as const;
    new CyclicLR(adam, { baseLr: 0, maxLr: 1, stepSizeUp: 2, ...counts }).moveTo(5);
    expect(adam.lr).toBe(2.5);
    const plain = optimizer();
    new CyclicLR(plain, { baseLr: 0.1, maxLr: 1 }).step();
    expect(plain.groups[0]!.momentum).toBe(0);
  });

  it('ReduceLROnPlateau takes what evaluate returns, and counts nothing without a number', () => {
    const rising = new ReduceLROnPlateau(optimizer(), { mode: 'max', patience: 0 });
    const falling = new ReduceLROnPlateau(optimizer(), { patience: 0 });
    for (const [loss, accuracy] of [
      [1, 0.5],
      [0.5, 0.4],
      [Number.NaN, 0.6],
    ] as const) {
      rising.step({ loss, accuracy });
      falling.step({ loss, accuracy });
    }
    expect([rising.lr, falling.lr]).toEqual([0.1 * 0.1, 0.1 * 0.1]);
    const before = falling.stateDict();
    expect(before).toMatchObject({ count: 3, best: 0.5, badEpochs: 0 });
    for (const none of [undefined, null, '1', {}]) {
      expect(() => falling.step(none as never)).toThrow(
        'ReduceLROnPlateau.step: measured expected a number, or what evaluate() returns',
      );
    }
    for (const change of [
      { best: 'x' },
      { badEpochs: -1 },
      { cooldownLeft: 0.5 },
      { lrs: [1] },
      { lrs: [1, -1] },
      { count: -1 },
    ]) {
      expect(() => falling.loadStateDict({ ...before, ...change } as never)).toThrow(
        'ReduceLROnPlateau.loadStateDict',
      );
      expect(falling.stateDict()).toEqual(before);
    }
  });

  it('refuse what makes no sense, and load nothing of it', () => {
    const o = optimizer();
    expect(() => new StepLR(o, { stepSize: 0 })).toThrow('StepLR: stepSize');
    expect(() => new MultiStepLR(o, { milestones: [1.5] })).toThrow('milestones');
    expect(() => new ExponentialLR(o, { gamma: -1 })).toThrow('gamma');
    expect(() => new CosineAnnealingLR(o, { tMax: 0 })).toThrow('tMax');
    expect(() => new DecayToFloor(o, { min: 0, speed: 0 })).toThrow('speed');
    expect(() => new LinearWarmup(o, { steps: 0 })).toThrow('steps');
    expect(() => new LinearWarmup(o, { steps: 2, endFactor: 2 })).toThrow('endFactor');
    const plateau = new ReduceLROnPlateau(o);
    expect(() => new LinearWarmup(plateau, { steps: 2 })).toThrow('follows what is measured');
    expect(() => new ReduceLROnPlateau(o, { factor: 1 })).toThrow('factor expected below 1');
    expect(() => new ReduceLROnPlateau(o, { minLr: [1] })).toThrow('minLr expected 2 values');
    expect(() => new PolynomialLR(o, { totalIters: 0 })).toThrow('totalIters');
    expect(() => new CosineAnnealingWarmRestarts(o, { t0: 2, tMult: 0.5 })).toThrow('tMult');
    expect(() => new CyclicLR(o, { baseLr: [1], maxLr: 1 })).toThrow('baseLr expected 2 values');
    expect(() => new CyclicLR(o, { baseLr: 0, maxLr: 1, stepSizeUp: 0 })).toThrow('stepSizeUp');
    expect(() => new OneCycleLR(o, { maxLr: 1 })).toThrow('expected totalSteps');
    expect(() => new OneCycleLR(o, { maxLr: [1], totalSteps: 5 })).toThrow('maxLr expected 2');
    expect(() => new StepLR(o, { stepSize: 1, unit: 'batch' as never })).toThrow('unit');
    const schedule = new StepLR(optimizer(), { stepSize: 2 });
    schedule.moveTo(3);
    for (const state of [
      { count: -1, baseLrs: [1, 1] },
      { count: 1, baseLrs: [1] },
    ]) {
      expect(() => schedule.loadStateDict(state)).toThrow(RangeError);
      expect(schedule.stateDict()).toEqual({ count: 3, baseLrs: [0.1, 0.03] });
    }
  });
});
