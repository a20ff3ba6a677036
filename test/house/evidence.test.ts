/**
 * docs/evidence.md is what the tests are. `npm run evidence` writes it. An op that lacks evidence, and no
 * reason in evidence/document.ts says why, is named here.
 */
import { beforeAll, describe, expect, it } from 'vitest';
import { documentOf, type Evidence } from '../evidence/document.ts';
import { allOps, gather, kernelNames } from '../evidence/facts.ts';

describe('docs/evidence.md', () => {
  let evidence: Evidence;
  beforeAll(async () => {
    evidence = documentOf(await gather());
  });

  it('leaves nothing empty without a reason: see CONTRIBUTING.md, Tests', () => {
    expect(evidence.gaps).toEqual([]);
  });

  it('has no reason for what is there', () => {
    expect(evidence.stale).toEqual([]);
  });

  it('is as `npm run evidence` writes it', async () => {
    await expect(evidence.text).toMatchFileSnapshot('../../docs/evidence.md');
  });
});

it('evidence is read from all ops and all kernels', () => {
  expect(allOps.map(({ name }) => name)).toEqual(
    expect.arrayContaining([
      'ReLU',
      'Conv2d',
      'MSELoss',
      'Adam',
      'StepLR',
      'StandardScaler',
      'PCA',
    ]),
  );
  expect(allOps.find(({ name }) => name === 'ReLU')!.kernels).toEqual([
    'reluBackward',
    'reluForward',
  ]);
  expect(kernelNames).toEqual(expect.arrayContaining(['conv2dForward', 'gemmScratch', 'powF64']));
});
