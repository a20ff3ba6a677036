/**
 * ONNX's own tests of the operators that `fromONNX` reads. Needs Debian's libonnx-testdata. What comes out is
 * the table of docs/onnx-tests.md; `npm run test:torch -- onnxnodes --update` writes it.
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { IMPORTED } from '../../src/onnx/importers.ts';
import { DATA, operatorsOf, readTest, runLoss, runTest, subjectOf } from '../onnx/nodes.ts';

const LOSS = 'SoftmaxCrossEntropyLoss';

/** Why a test is out of scope, in place of what it fails with. */
const REASONS: readonly (readonly [RegExp, string])[] = [
  [/^node\/test_training_dropout/, 'the mask is drawn by another generator'],
  [/^node\/test_cast/, 'its input or output is of another type than float32'],
];

function reasonOf(name: string, error: Error): string {
  const known = REASONS.find(([pattern]) => pattern.test(name));
  if (known) return known[1];
  if (!/^fromONNX: |^no reduction/.test(error.message)) throw new Error(`${name}: ${error.stack}`);
  return error.message.replace(/^fromONNX: (node \S+ \([^)]*\): )?/, '').replace(/: [^:]*$/, '');
}

interface Row {
  passed: number;
  readonly others: Map<string, number>;
}

it('the table says which tests pass, and why others do not', async () => {
  const rows = new Map<string, Row>();
  for (const set of ['node', 'pytorch-converted', 'pytorch-operator']) {
    for (const folder of readdirSync(join(DATA, set)).sort()) {
      // Expanded tests are the same test, written with operators that a layer consists of.
      if (folder.endsWith('_expanded')) continue;
      const test = readTest(join(DATA, set, folder));
      const ops = operatorsOf(test.model);
      const loss = ops[0] === LOSS;
      if (!loss && !ops.some((op) => IMPORTED.includes(op))) continue;
      const subject = subjectOf(test.model);
      const row = rows.get(subject) ?? { passed: 0, others: new Map() };
      rows.set(subject, row);
      try {
        if (loss) runLoss(test);
        else runTest(test);
        row.passed++;
      } catch (error) {
        const reason = reasonOf(`${set}/${folder}`, error as Error);
        row.others.set(reason, (row.others.get(reason) ?? 0) + 1);
      }
    }
  }
  const lines = [...rows]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([op, { passed, others }]) => {
      const list = [...others].map(
        ([reason, count]) => `${count}: ${reason.replaceAll('|', '\\|')}`,
      );
      return `| ${op} | ${passed} | ${list.join('; ')} |`;
    });
  const total = [...rows.values()].reduce((sum, { passed }) => sum + passed, 0);
  const page = [
    "# ONNX's own tests",
    '',
    '<!-- Written by test/torch/onnxnodes.test.ts: do not edit. -->',
    '',
    `ONNX comes with a test of each operator: a file, its inputs and its outputs. \`fromONNX\` reads ${total} of those that concern operators of [docs/onnx.md](onnx.md), and the models compute their outputs within 1e-5 (ONNX 1.12, with the networks that it took from PyTorch's tests). The table counts them by their first operator. It also says why others are not read: the number of tests, and the error. A batch norm in training mode is compared with its running statistics. The tests of ${LOSS} run through \`CrossEntropyLoss\`.`,
    '',
    '| operator | pass | out of scope |',
    '|---|---|---|',
    ...lines,
    '',
  ].join('\n');
  await expect(page).toMatchFileSnapshot('../../docs/onnx-tests.md');
}, 300_000);
