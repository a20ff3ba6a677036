/** Ghosts, masks and renormalization against PyTorch's autograd in float64. */
import { describe, expect, it } from 'vitest';
import { BatchNorm1d, Renorm, recomputeStatistics } from '../../src/index.ts';
import { expectClose } from '../support/close.ts';

describe('Renorm', () => {
  const x = { data: [1, 2, 3, 4, 5, 7], shape: [3, 2] };

  it('follows the paper where nothing is said', () => {
    const { rMax, dMax } = new Renorm() as Record<'rMax' | 'dMax', (steps: number) => number>;
    expect([0, 5_000, 22_500, 40_000, 1e6].map(rMax)).toEqual([1, 1, 2, 3, 3]);
    expect([0, 5_000, 15_000, 25_000, 1e6].map(dMax)).toEqual([0, 0, 2.5, 5, 5]);
    // so that the first steps are plain batch norm's
    using bn = new BatchNorm1d(2, { renorm: new Renorm() });
    using plain = new BatchNorm1d(2);
    expectClose(bn.forward(x).toArray(), plain.forward(x).toArray(), { scaled: 1e-6 });
  });

  it('keeps away from evaluation and frozen statistics', () => {
    using bn = new BatchNorm1d(2, { renorm: new Renorm({ rMax: 2, dMax: 2 }) });
    using plain = new BatchNorm1d(2);
    for (const layer of [bn, plain]) layer.frozenStatistics = true;
    expect(bn.forward(x).toArray()).toEqual(plain.forward(x).toArray());
    const dy = { ...x, data: [1, -2, 3, 1, 2, 0] };
    expect(bn.backward(dy).toArray()).toEqual(plain.backward(dy).toArray());
    expect(bn.weight!.grad!.toArray()).toEqual(plain.weight!.grad!.toArray());
    expect(bn.predict(x).toArray()).toEqual(plain.predict(x).toArray());
    for (const layer of [bn, plain]) layer.frozenStatistics = false;
    recomputeStatistics(bn, x);
    recomputeStatistics(plain, x);
    expect(bn.stateDict()).toEqual(plain.stateDict());
  });

  it('stays within 2e-6 far from zero, once the running statistics are there', () => {
    using bn = new BatchNorm1d(1, { renorm: new Renorm({ rMax: 3, dMax: 3 }), affine: false });
    const data = Float32Array.from({ length: 64 }, (_, i) => 1e4 + Math.sin(i));
    bn.runningMean!.assign({ data: [1e4 + 0.25], shape: [1] });
    bn.runningVar!.assign({ data: [0.75], shape: [1] });
    // with bounds out of reach y is what the running statistics make of x
    const expected = data.map((v) => (v - 1e4 - 0.25) / Math.sqrt(0.75 + 1e-5));
    expectClose(bn.forward({ data, shape: [64, 1] }).toArray(), expected, { scaled: 2e-6 });
  });

  it('says what is wrong, and leaves the layer as it was', () => {
    expect(() => new Renorm({ rMax: 0.5 })).toThrow(
      new RangeError('Renorm: rMax expected a number ≥ 1, got 0.5'),
    );
    expect(() => new Renorm({ dMax: -1 })).toThrow(
      new RangeError('Renorm: dMax expected a number ≥ 0, got -1'),
    );
    expect(() => new Renorm({ rMax: '3' as never })).toThrow(TypeError);
    expect(() => new Renorm({ dMax: Infinity })).toThrow(RangeError);
    expect(() => new BatchNorm1d(2, { renorm: { rMax: 3 } as never })).toThrow(
      new TypeError(
        'BatchNorm1d(2): renorm expected new Renorm({ rMax, dMax }), and trackRunningStats, got a Object',
      ),
    );
    const renorm = new Renorm({ rMax: (steps) => 1 + steps, dMax: (steps) => 1 - steps });
    expect(() => new BatchNorm1d(2, { renorm, trackRunningStats: false })).toThrow(TypeError);
    using bn = new BatchNorm1d(2, { renorm });
    bn.forward(x);
    bn.forward(x);
    const state = bn.stateDict();
    expect(() => bn.forward(x)).toThrow(
      new RangeError('BatchNorm1d(2): dMax of 2 steps expected a number ≥ 0, got -1'),
    );
    expect(bn.stateDict()).toEqual(state);
  });
});
