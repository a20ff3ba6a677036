import { it } from 'vitest';
import { runSequences } from './sequences.ts';

it('random sequences of calls on random networks do what a float64 interpreter does', () => {
  runSequences(2000, 1);
}, 180_000);
