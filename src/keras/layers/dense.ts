import { rowsInOrder, transposed } from '../axes.ts';
import type { Call, Value } from '../builder.ts';
import { activated } from './activation.ts';

/**
 * Dense: y = x·kernel + bias along the last axis. If x was flattened from images whose channels ours has in
 * front, the rows of the kernel change places instead of the features.
 */
export function readDense(call: Call): Value {
  const value = call.ordered('keras');
  const { features, shape } = value;
  const inputs = call.known(shape.at(-1), 'number of features');
  const units = call.fields.size('units');
  const kernel = call.weight('kernel', [inputs, units]);
  const rows = features ? rowsInOrder(kernel, units, features()) : kernel;
  const bias = call.fields.boolean('use_bias', true);
  const state = {
    weight: [[units, inputs], transposed(rows, [inputs, units], [1, 0])] as const,
    ...(bias ? { bias: [[units], call.weight('bias', [units])] as const } : {}),
  };
  const args = [inputs, units, { bias, init: 'zeros' }];
  const name = call.step('', 'Linear', args, [value], { state });
  return activated(call, { name, shape: [...shape.slice(0, -1), units], order: 'keras' });
}
