/** The layers of ours that layers of Keras become. */
import * as layers from '../index.ts';
import type { Module } from '../module/module.ts';
import { Rescaling } from './rescaling.ts';

const KINDS = { ...layers, Rescaling } as unknown as Record<string, new (...args: unknown[]) => Module>;

export type Kind = string;

export function make(kind: Kind, args: readonly unknown[]): Module {
  return new KINDS[kind]!(...args);
}
