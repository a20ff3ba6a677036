import { it } from 'vitest';
import { runSequences } from '../fuzz/sequences.ts';

it('random sequences of calls on random networks do what a float64 interpreter does', () => {
  runSequences(50_000, Math.floor(Math.random() * 2 ** 31));
});
