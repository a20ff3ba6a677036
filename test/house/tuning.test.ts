/** The constants in docs/tuning.md stand in the files that it names, with the values that it names. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
const rows = [...read('docs/tuning.md').matchAll(/^\| `(\w+)` \| `(.+?)` \| (\S+\.ts) \|/gm)];

describe('docs/tuning.md', () => {
  it('has rows', () => {
    expect(rows.length).toBeGreaterThan(15);
  });

  it.each(rows.map(([, name, value, file]) => [name!, file!, value!]))(
    '%s of %s is %s',
    (name, file, value) => {
      const found = new RegExp(`^(?:export )?const ${name}(?:: \\w+)? = (.+);$`, 'm').exec(
        read(file),
      );
      expect(found?.[1]).toBe(value);
    },
  );
});
