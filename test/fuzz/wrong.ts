/** Arguments that must be refused. */
import type { Input, StateDict } from '../../src/index.ts';
import { type Choices, pick } from './choices.ts';
import { sizeOf } from './interpreter/run.ts';
import type { Shape } from './random-layer.ts';

export function wrongInput(choices: Choices, data: Float32Array, shape: Shape): Input {
  return pick<unknown>(choices, [
    { data, shape: [...shape, 2] },
    { data: data.subarray(1), shape },
    { data: [], shape: [0, ...shape.slice(1)] },
    { data: Array.from(data, String), shape },
    { data, shape: [0.5, ...shape.slice(1)] },
    { data, shape: undefined },
    data,
    [],
    null,
    undefined,
    'x',
  ]) as Input;
}

/** @param shape the output's, of more than one element */
export function wrongGradient(choices: Choices, shape: Shape): Input {
  const size = sizeOf(shape);
  return pick<unknown>(choices, [
    { data: new Float32Array(size), shape: [1, ...shape] },
    { data: new Float32Array(size + 1), shape },
    { data: new Array(size).fill('1'), shape },
    null,
    3,
  ]) as Input;
}

/** A state dict of other values, with one fault in it. */
export function wrongState(choices: Choices, own: StateDict): StateDict {
  const names = Object.keys(own);
  const name = pick(choices, names);
  const { shape, size } = own[name]!;
  const state: Record<string, unknown> = {};
  for (const [other, tensor] of Object.entries(own)) {
    state[other] = { data: new Float32Array(tensor.size).fill(3), shape: tensor.shape };
  }
  const fault = pick<unknown>(choices, [
    undefined,
    { data: new Float32Array(size + 1), shape: [size + 1] },
    { data: new Array(size).fill('1'), shape },
    null,
  ]);
  if (choices.integer(3) === 0) state[`${name}2`] = state[name];
  else if (fault === undefined) delete state[name];
  else state[name] = fault;
  return state as StateDict;
}
