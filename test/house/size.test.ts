/**
 * What a bundle weighs and holds. The ceilings are what is: the goal, 45 kB for a network and what trains it, is
 * missed (bench/works/size.ts says what takes it). They rise only where something is added.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { bundleOf, gzipped, PROGRAMS } from '../../bench/works/size.ts';

/** The packed text of a module as it is in dist/. */
const packed = (name: string) =>
  /text: '(.*)'/.exec(readFileSync(`build/short/${name}.ts`, 'utf8'))![1]!;

describe('a bundle', () => {
  it.each<[keyof typeof PROGRAMS, number]>([
    ['one layer', 31.1],
    ['a perceptron and what trains it', 39.1],
    ['a convolutional network and what trains it', 54.5],
    ['all of evenkeel', 117.9],
  ])('of %s stays below %d kB of gzip', (program, kilobytes) => {
    expect(gzipped(bundleOf(PROGRAMS[program]))).toBeLessThan(kilobytes * 1000);
  });

  it('has the extra kernels only where a layer calls them', () => {
    const [core, extra] = ['core', 'extra'].map((name) => packed(name).slice(0, 80));
    const network = bundleOf(PROGRAMS['a convolutional network and what trains it']);
    expect(network).toContain(core);
    expect(network).not.toContain(extra);
    expect(bundleOf(`export { GELU } from 'evenkeel';`)).toContain(extra);
  });

  it('has the kernels that look at tensors only with evenkeel/inspect', () => {
    const mark = packed('inspect').slice(0, 80);
    expect(bundleOf(PROGRAMS['all of evenkeel'])).not.toContain(mark);
    expect(bundleOf(`export { detectAnomaly } from 'evenkeel/inspect';`)).not.toContain(mark);
    expect(bundleOf(`export { watch } from 'evenkeel/inspect';`)).toContain(mark);
  });

  it('with one layer leaves out optimizers, losses, convolutions and fit', () => {
    const text = bundleOf(PROGRAMS['one layer']);
    for (const absent of ['weightDecay', 'labelSmoothing', 'dilation', 'samplesPerSecond']) {
      expect(text).not.toContain(absent);
    }
  });

  it('holds the relaxed kernels where they are asked for, and nowhere else', () => {
    const mark = packed('relaxed').slice(2000, 2080);
    expect(bundleOf(PROGRAMS['all of evenkeel'])).not.toContain(mark);
    expect(bundleOf(`export * from 'evenkeel/relaxed';`)).toContain(mark);
  });
});
