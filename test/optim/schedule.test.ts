import { afterAll, describe, expect, it } from 'vitest';
import {
  Adam,
  CosineAnnealingLR,
  DecayToFloor,
  ExponentialLR,
  LinearWarmup,
  MultiStepLR,
  OneCycleLR,
  Parameter,
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

  it('refuse what makes no sense, and load nothing of it', () => {
    const o = optimizer();
    expect(() => new StepLR(o, { stepSize: 0 })).toThrow('StepLR: stepSize');
    expect(() => new MultiStepLR(o, { milestones: [1.5] })).toThrow('milestones');
    expect(() => new ExponentialLR(o, { gamma: -1 })).toThrow('gamma');
    expect(() => new CosineAnnealingLR(o, { tMax: 0 })).toThrow('tMax');
    expect(() => new DecayToFloor(o, { min: 0, speed: 0 })).toThrow('speed');
    expect(() => new LinearWarmup(o, { steps: 0 })).toThrow('steps');
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
