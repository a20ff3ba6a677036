/** The check that layers put together are different ones. */
import { unexpected } from '../tensor/check.ts';
import { Module } from './module.ts';

/**
 * @throws TypeError if an element is not a Module
 * @throws RangeError if the same layer instance occurs twice
 */
export function checkDistinct(who: string, modules: Iterable<Module>): void {
  const seen = new Set<Module>();
  for (const module of modules) {
    if (!(module instanceof Module)) {
      throw unexpected(`${who}:`, 'layers', module);
    }
    for (const [, below] of module.namedModules()) {
      if (seen.has(below)) {
        throw new RangeError(
          `${who}: expected each layer once, got the same ${below} twice: make one for each place, ` +
            'or share it in a Module of your own',
        );
      }
      seen.add(below);
    }
  }
}
