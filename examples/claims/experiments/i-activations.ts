/** (i) The distributions of activations through training. */
import { type Band, bandChart } from '../../shared/charts.ts';
import { LEVELS, percentiles } from '../../shared/percentiles.ts';
import { type Experiment, product, type Result } from '../experiment.ts';
import { type Activation, dense, type Norm } from '../networks.ts';
import { grouped, percentText } from '../statistics.ts';
import { asInput, decaying, train } from '../training.ts';
import { measuredOf, numbers } from './shared.ts';

/** The hidden layers of the dense network. */
const LAYERS = ['act1', 'act2', 'act3', 'act4'] as const;
const IMAGES = 200;

const seriesOf = ({ run }: Result) =>
  `${run.activation}, ${run.norm === 'none' ? 'without' : 'batch norm'}`;

export const activations: Experiment = {
  key: 'i',
  title: 'Activations stay in range',
  claim:
    'Batch norm keeps activations in range in all layers while the network trains: fewer saturated sigmoids and dead ReLUs.',
  method: `Dense layers 784-200-100-60-30-10, batches of 100, Adam, learning rate 0.03 decaying to 0.0001. At 30 moments the outputs of all activations for ${IMAGES} test images are read with predict(x, { at }). A sigmoid counts as saturated below 0.01 or above 0.99; a ReLU as dead if it is 0 for all images.`,
  runs: ({ seeds, steps }) =>
    product({
      activation: ['sigmoid', 'relu'],
      norm: ['none', 'batch norm'],
      steps: [steps(2000)],
      seed: seeds,
    }),
  measure({ activation, norm, steps, seed }, data, tell) {
    using model = dense({ activation: activation as Activation, norm: norm as Norm, seed });
    const { inputs } = asInput(data.test, IMAGES);
    const images = {
      data: Float32Array.from(inputs.data, (byte) => byte / 255),
      shape: inputs.shape,
    };
    const bands: Record<string, number | string>[] = [];
    let saturated = 0;
    let dead = 0;
    const every = Math.ceil((steps as number) / 30);
    const at = (step: number): void => {
      if (step % every !== 0) return;
      const outputs = model.predict(images, { at: LAYERS });
      saturated = dead = 0;
      for (const layer of LAYERS) {
        const values = outputs[layer].toArray();
        const units = outputs[layer].shape[1]!;
        const largest = new Float32Array(units);
        for (const [i, value] of values.entries()) {
          largest[i % units] = Math.max(largest[i % units]!, value);
        }
        // For sigmoid the values themselves; for ReLU the largest of each unit, as most values are 0.
        const shown = percentiles(activation === 'sigmoid' ? values : largest, LEVELS);
        bands.push({ x: step, layer, ...Object.fromEntries(shown.map((v, i) => [`p${i}`, v])) });
        saturated +=
          values.filter((value) => value < 0.01 || value > 0.99).length / values.length / 4;
        dead += largest.filter((value) => value === 0).length / units / 4;
      }
    };
    const trained = train(model, data, {
      ...{ ...decaying(0.03, steps as number), steps: steps as number, seed, tell, at },
    });
    const { numbers: measured, curves } = measuredOf(trained);
    return { numbers: { ...measured, saturated, dead }, curves, tables: { bands } };
  },
  table: (results) => ({
    head: ['network', 'saturated', 'dead', 'test accuracy'],
    rows: [...grouped(results, seriesOf)].map(([name, group]) => {
      const sigmoid = name.startsWith('sigmoid');
      return [
        name,
        sigmoid ? percentText(numbers(group, 'saturated')) : '',
        sigmoid ? '' : percentText(numbers(group, 'dead')),
        percentText(numbers(group, 'accuracy')),
      ];
    }),
  }),
  figures: (results) =>
    [...grouped(results, seriesOf)].map(([name, group]) => {
      const rows = group[0]!.measured.tables!.bands!;
      const bands: Band[] = rows.map((row) => ({
        x: row.x as number,
        panel: `layer ${(row.layer as string).slice(3)}`,
        levels: LEVELS.map((_, i) => row[`p${i}`] as number),
      }));
      const sigmoid = name.startsWith('sigmoid');
      return {
        name: `activations-${name.replace(', ', '-').replaceAll(' ', '-')}`,
        caption: `${name}: ${sigmoid ? 'all activations' : 'the largest activation of each unit'}; percentiles 1–99, 5–95 and 25–75, and the median, by step (seed 1).`,
        svg: bandChart(bands, {
          x: { label: 'step', ticks: 3 },
          y: sigmoid
            ? { label: 'sigmoid', domain: [0, 1] }
            : { label: 'largest activation', type: 'symlog', ticks: 5 },
          series: LAYERS.map((layer) => `layer ${layer.slice(3)}`),
          height: 220,
        }),
      };
    }),
  judge(results) {
    const of = (activation: string, norm: string, number: string) =>
      numbers(
        results.filter(({ run }) => run.activation === activation && run.norm === norm),
        number,
      );
    const mean = (values: number[]) =>
      values.reduce((sum, value) => sum + value, 0) / values.length;
    const fewerSaturated =
      mean(of('sigmoid', 'batch norm', 'saturated')) < mean(of('sigmoid', 'none', 'saturated'));
    const fewerDead = mean(of('relu', 'batch norm', 'dead')) < mean(of('relu', 'none', 'dead'));
    return {
      holds:
        fewerSaturated && fewerDead
          ? 'holds'
          : fewerSaturated || fewerDead
            ? 'holds in part'
            : 'does not hold',
      because:
        `Saturated sigmoids: ${percentText(of('sigmoid', 'batch norm', 'saturated'))} with batch norm, ` +
        `${percentText(of('sigmoid', 'none', 'saturated'))} without. Dead ReLUs: ` +
        `${percentText(of('relu', 'batch norm', 'dead'))} with, ${percentText(of('relu', 'none', 'dead'))} without.`,
    };
  },
};
