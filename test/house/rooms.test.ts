/** The house is as ARCHITECTURE.md draws it: imports run in one direction, and never in a circle. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { circleOf, importsOf, roomsOf, withPicture } from '../../scripts/rooms.ts';

describe('imports', () => {
  it.each(['src', 'assembly', 'scripts', 'bench'])('form no circle in %s', (root) => {
    expect(circleOf(importsOf(root))).toBeUndefined();
  });

  it('run from the top of src to the bottom', () => {
    const floors = ['runtime', 'memory', 'tensor', 'graph', 'module', 'layers'];
    const rooms = roomsOf('src', importsOf('src'));
    for (const [i, room] of floors.entries()) {
      const above = [...rooms.get(room)!].filter((to) => floors.indexOf(to) > i);
      expect(above, `${room} imports from above`).toEqual([]);
    }
  });

  it('would show a circle', () => {
    const imports = new Map([
      ['a', ['b']],
      ['b', ['c']],
      ['c', ['d', 'b']],
      ['d', []],
    ]);
    expect(circleOf(imports)).toEqual(['b', 'c']);
  });
});

it("ARCHITECTURE.md's picture is what the imports say", () => {
  const text = readFileSync('ARCHITECTURE.md', 'utf8');
  expect(withPicture(text)).toBe(text);
});
