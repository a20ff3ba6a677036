/** The checks against PyTorch that every runtime answers (test/everywhere/ops), here on the sources. */
import ops from 'ops';
import { describe, it } from 'vitest';

for (const [name, checks] of Object.entries(ops)) {
  describe(name, () => {
    for (const [title, body] of checks) it(title, async () => void (await body()));
  });
}
