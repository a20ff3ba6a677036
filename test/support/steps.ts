/**
 * Holds our CNN step against PyTorch's, from PyTorch's own state before each step: the format that
 * test/goldens/training.py streams.
 */
import { expect } from 'vitest';
import { Adam, CrossEntropyLoss, type Sequential, Tensor } from '../../src/index.ts';
import { expectClose } from './close.ts';

const BATCH = 100;

/** Gives the next n float32 numbers. */
export type Reader = (n: number) => Promise<Float32Array> | Float32Array;

export async function compareSteps(
  model: Sequential,
  read: Reader,
  images: { pixels: Float32Array; labels: Uint8Array },
  steps: number,
): Promise<void> {
  const loss = new CrossEntropyLoss();
  const optimizer = new Adam(model.parameters(), { lr: 1e-3 });
  const parameters = model.namedParameters();
  let moments: Record<string, Float32Array> = {};
  let slacks: Float32Array[] = [];
  for (let step = 0; step < steps; step++) {
    const [index, expected] = (await read(2)) as unknown as [number, number];
    expect(index).toBe(step);
    const state: Record<string, { data: Float32Array; shape: readonly number[] }> = {};
    for (const [name, tensor] of Object.entries(model.stateDict())) {
      state[name] = { data: await read(tensor.size), shape: tensor.shape };
    }
    model.loadStateDict(state);
    const theirs: Record<number, { step: number; exp_avg: Tensor; exp_avg_sq: Tensor }> = {};
    for (const [i, [, { shape, size }]] of parameters.entries()) {
      const m = Tensor.from(await read(size), shape);
      const v = Tensor.from(await read(size), shape);
      if (step > 0) {
        // What our own optimizer made of the step before, from the same state.
        expectClose(
          moments[`${i}.m`]!,
          m.toArray(),
          { scaled: 1e-4, atol: 1e-8, slack: slacks[i] },
          `step ${step}: exp_avg ${i}`,
        );
        expectClose(
          moments[`${i}.v`]!,
          v.toArray(),
          { scaled: 2e-4, slack: slacks[i]!.map((v) => v * 0.01) },
          `step ${step}: exp_avg_sq ${i}`,
        );
      }
      theirs[i] = { step, exp_avg: m, exp_avg_sq: v };
    }
    if (step > 0) optimizer.loadStateDict({ ...optimizer.stateDict(), state: theirs });

    const rows = [step * BATCH, (step + 1) * BATCH] as const;
    const inputs = {
      data: images.pixels.subarray(rows[0] * 784, rows[1] * 784),
      shape: [BATCH, 1, 28, 28],
    };
    const value = loss.forward(model.forward(inputs), images.labels.subarray(...rows));
    expectClose([value], [expected], { rtol: 1e-5 }, `step ${step}: loss`);
    optimizer.zeroGrad();
    model.backward(loss.backward());
    const gradients: Float32Array[] = [];
    for (const [, { size }] of parameters) gradients.push(await read(size));
    slacks = [];
    for (const [i, [name, parameter]] of parameters.entries()) {
      const slack = await read(parameter.size);
      slacks.push(slack);
      // The floor is for γ of few channels: a sum of 78,400 terms that may cancel in all of them.
      const tolerance = { scaled: 1e-4, atol: 1e-7, slack };
      expectClose(parameter.grad!.toArray(), gradients[i]!, tolerance, `step ${step}: d${name}`);
    }
    optimizer.step();
    moments = {};
    for (const [i, entry] of Object.entries(optimizer.stateDict().state)) {
      moments[`${i}.m`] = (entry as Record<string, Tensor>).exp_avg!.toArray();
      moments[`${i}.v`] = (entry as Record<string, Tensor>).exp_avg_sq!.toArray();
    }
  }
}
