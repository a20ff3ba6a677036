/** The source that toPyTorch writes, run by the real PyTorch. */
import { expect, it } from 'vitest';
import * as E from '../../src/index.ts';
import { COMPOSITES } from '../describe/composites.ts';
import { randomSample, SAMPLES } from '../describe/layers.ts';
import { seeded } from '../fuzz/choices.ts';
import { makeNet } from '../fuzz/net.ts';
import { type LayerName, MAKERS } from '../fuzz/random-layer.ts';
import { randomNet, randomShape } from '../fuzz/random-net.ts';
import { type Case, differences } from './nets.ts';

const isDropout = (model: E.Module) =>
  model.namedModules().some(([, m]) => m instanceof E.Dropout && m.p > 0);

function asCase(name: string, sample: Omit<Case, 'name'>): Case {
  const model = sample.make();
  const random = isDropout(model);
  model.dispose();
  return { ...sample, name, random };
}

it('every public layer computes and learns the same', () => {
  const cases = Object.entries(SAMPLES).flatMap(([type, samples]) =>
    samples.map((sample, i) => asCase(`${type}_${i}`, sample)),
  );
  expect(differences(cases)).toEqual([]);
});

it('300 layers with random options compute and learn the same', () => {
  const cases = Array.from({ length: 300 }, (_, seed) =>
    asCase(`layer_${seed}`, randomSample(seed)),
  );
  expect(differences(cases)).toEqual([]);
});

it('composites of every kind compute and learn the same', () => {
  const cases = Object.entries(COMPOSITES).map(([name, sample]) => asCase(name, sample));
  expect(differences(cases)).toEqual([]);
});

it('40 random networks compute and learn the same', () => {
  const names = (Object.keys(MAKERS) as LayerName[]).filter((name) => name !== 'square');
  const cases = Array.from({ length: 40 }, (_, seed): Case => {
    const choices = seeded(1000 + seed);
    const input = randomShape(choices);
    const { spec } = randomNet(choices, input, names, 6);
    const make = () => {
      E.manualSeed(seed);
      return makeNet(spec);
    };
    return asCase(`net_${seed}`, { make, shape: input });
  });
  // Norms of few values amplify float32's rounding error, PyTorch's own as well.
  expect(differences(cases, 2e-3)).toEqual([]);
});
