import type { Diagnosis } from './diagnosis.ts';
import { percent, say, weightedLayers } from './figures.ts';
import type { WatchedLayer, WatchReport } from './report.ts';

/** The shares of dead units, and of saturated values, from which on they are a warning and an error. */
const DEAD = [0.1, 0.5] as const;
const SATURATED = [0.3, 0.7] as const;

/** A unit with fewer values in the batch may be off by chance. */
const VALUES = 32;

/** By how much the activations' scale may change from the first hidden layer to the last. */
const CHANGE = 100;

/** The rules about activations. */
export function activationRules(report: WatchReport): Diagnosis[] {
  const layers = report.last?.layers ?? [];
  return [...layers.flatMap(dead), ...layers.flatMap(saturated), ...scale(report)];
}

function dead({ name, kind, dead: share, output, largest }: WatchedLayer): Diagnosis[] {
  const values = output.size / largest.length;
  if (share === undefined || share < DEAD[0] || values < VALUES || output.notFinite > 0) return [];
  return [
    {
      ...{ what: 'dead-units', where: name, severity: share >= DEAD[1] ? 'error' : 'warning' },
      figures: { dead: share, units: largest.length, values },
      sentence: `${percent(share)} of the ${largest.length} units of ${name} (${kind}) are dead: none of their ${say(values)} values in the batch is positive, so they get no gradient or almost none.`,
      advice: 'Lower the learning rate, put a batch norm before it, or use LeakyReLU.',
    },
  ];
}

function saturated({ name, kind, saturated: share, stuck = 0, output }: WatchedLayer): Diagnosis[] {
  if (share === undefined || share < SATURATED[0] || output.notFinite > 0) return [];
  const units = stuck > 0 ? `, and ${percent(stuck)} of the units are for the whole batch` : '';
  return [
    {
      ...{ what: 'saturated-units', where: name },
      severity: share >= SATURATED[1] ? 'error' : 'warning',
      figures: { saturated: share, stuck },
      sentence: `${percent(share)} of the outputs of ${name} (${kind}) are saturated${units}: the slope there is less than a tenth of the steepest.`,
      advice:
        'Put a batch norm before it, start from smaller weights, scale the inputs, or use ReLU.',
    },
  ];
}

/** Activations that shrink or grow with depth; the last weighted layer makes the output, and does not count. */
function scale(report: WatchReport): Diagnosis[] {
  const layers = weightedLayers(report).slice(0, -1);
  const [first, last] = [layers[0], layers.at(-1)];
  if (!first || !last || layers.length < 3) return [];
  const [before, after] = [first.output.sd, last.output.sd];
  const figures = { first: before, last: after, layers: layers.length };
  const shrinks = after * CHANGE < before;
  if (!shrinks && !(after > before * CHANGE)) return [];
  return [
    {
      what: shrinks ? 'activations-shrink' : 'activations-grow',
      ...{ where: last.name, severity: 'warning', figures },
      sentence: `The activations ${shrinks ? 'shrink' : 'grow'} with depth: the outputs of ${first.name} have a standard deviation of ${say(before)}, those of ${last.name}, ${layers.length - 1} layers on, ${say(after)}.`,
      advice: `Put a batch norm after each of these layers, or start from ${shrinks ? "larger weights ({ init: 'he' })" : 'smaller weights'}.`,
    },
  ];
}
