/** The layers that are made of other layers, and those that are given an object. */
import { FoldedNetwork } from '../analysis/fold.ts';
import { Dropout, Dropout1d, Dropout2d } from '../layers/dropout.ts';
import type { Weighted } from '../layers/norm/reparametrized.ts';
import { SpectralNorm } from '../layers/norm/spectralnorm.ts';
import { WeightNorm } from '../layers/norm/weightnorm.ts';
import { Residual } from '../layers/residual.ts';
import { GraphModule, type GraphStep } from '../module/graphmodule.ts';
import type { Module } from '../module/module.ts';
import { Sequential } from '../module/sequential.ts';
import {
  type Class,
  type Describing,
  type Entry,
  type Making,
  named,
  optionsOf,
  readArgs,
  readOptions,
} from './entry.ts';
import type { Place } from './place.ts';

const NODE = ['type', 'id', 'name'];

/** `{ layers: [{ name, type, … }] }`; the names are left out where they are the indices. */
const sequential: Entry<Sequential> = {
  name: 'Sequential',
  type: Sequential,
  write: (model, writer, path) => ({
    layers: model.children().map(([name, layer], i) => {
      const node = writer.module(layer, `${path}.layers[${i}]`);
      return name === String(i) ? node : { name, ...node };
    }),
  }),
  read(place, reader) {
    place.only([...NODE, 'layers'], 'not of Sequential');
    const layers = new Map<string, Module>();
    for (const [i, each] of place.at('layers').list().entries()) {
      const at = each.at('name');
      const name = at.value === undefined ? String(i) : at.text();
      if (layers.has(name))
        throw each.error('expected a name of its own, got that of another layer');
      layers.set(name, reader.module(each));
    }
    const plain = [...layers.keys()].every((name, i) => name === String(i));
    return place.making(() =>
      plain
        ? new Sequential(...layers.values())
        : new Sequential(layers as unknown as Record<string, Module>),
    );
  },
};

/** `{ body, shortcut }`. */
const residual: Entry<Residual> = {
  name: 'Residual',
  type: Residual,
  write: ({ body, shortcut }, writer, path) => ({
    body: writer.module(body, `${path}.body`),
    ...(shortcut ? { shortcut: writer.module(shortcut, `${path}.shortcut`) } : {}),
  }),
  read(place, reader) {
    place.only([...NODE, 'body', 'shortcut'], 'not of Residual');
    const body = reader.module(place.at('body'));
    const at = place.at('shortcut');
    const shortcut = at.value === undefined ? undefined : reader.module(at);
    return place.making(() => new Residual(body, shortcut));
  },
};

/** `{ layer, options }`. */
const weightNorm: Entry<WeightNorm> = {
  name: 'WeightNorm',
  type: WeightNorm,
  write: (wrapper, writer, path) => ({ layer: writer.module(wrapper.plain, `${path}.layer`) }),
  read(place, reader) {
    place.only([...NODE, 'layer'], 'not of WeightNorm');
    const layer = reader.module(place.at('layer')) as Weighted;
    return place.making(() => new WeightNorm(layer));
  },
};

const SPECTRAL = {
  nPowerIterations: [1, (l: SpectralNorm) => l.nPowerIterations],
  eps: [1e-12, (l: SpectralNorm) => l.eps],
} as const;

const spectralNorm: Entry<SpectralNorm> = {
  name: 'SpectralNorm',
  type: SpectralNorm,
  write: (wrapper, writer, path) => ({
    layer: writer.module(wrapper.plain, `${path}.layer`),
    ...optionsOf(SPECTRAL, wrapper),
  }),
  read(place, reader) {
    place.only([...NODE, 'layer', 'options'], 'not of SpectralNorm');
    const options = readOptions(place, Object.keys(SPECTRAL), 'SpectralNorm');
    const layer = reader.module(place.at('layer')) as Weighted;
    return place.making(() => new SpectralNorm(layer, options));
  },
};

/** `{ inputs, output, steps: [{ name, inputs, layer }] }`. */
function writeGraph(graph: GraphModule, writer: Describing, path: string) {
  return {
    inputs: [...graph.inputs],
    output: graph.output,
    steps: graph.steps.map(({ name, inputs, layer }, i) => ({
      name,
      inputs: [...inputs],
      layer: writer.module(layer, `${path}.steps[${i}].layer`),
    })),
  };
}

function readGraph(
  place: Place,
  reader: Making,
): [GraphStep[], { inputs: string[]; output: string }] {
  const ends = { inputs: place.at('inputs').texts(), output: place.at('output').text() };
  const steps = place
    .at('steps')
    .list()
    .map((step) => {
      step.only(['name', 'inputs', 'layer'], 'not of a step');
      const layer = reader.module(step.at('layer'));
      return { name: step.at('name').text(), inputs: step.at('inputs').texts(), layer };
    });
  return [steps, ends];
}

const GRAPH = [...NODE, 'inputs', 'output', 'steps'];

const graph: Entry<GraphModule> = {
  name: 'GraphModule',
  type: GraphModule,
  write: writeGraph,
  read(place, reader) {
    place.only(GRAPH, 'not of GraphModule');
    const [steps, ends] = readGraph(place, reader);
    return place.making(() => new GraphModule(steps, ends));
  },
};

const foldedNetwork: Entry<FoldedNetwork> = {
  name: 'FoldedNetwork',
  type: FoldedNetwork as unknown as Class<FoldedNetwork>,
  write: (network, writer, path) => ({
    ...writeGraph(network, writer, path),
    flat: [...network.flat],
    folded: network.folded.map(({ layer, into }) => ({ layer, into })),
    kept: network.kept.map(({ layer, reason }) => ({ layer, reason })),
  }),
  read(place, reader) {
    place.only([...GRAPH, 'flat', 'folded', 'kept'], 'not of FoldedNetwork');
    const [steps, ends] = readGraph(place, reader);
    const pairs = <Name extends string>(list: string, second: Name) =>
      place
        .at(list)
        .list()
        .map((each) => {
          each.only(['layer', second], `not of ${list}`);
          const pair = { layer: each.at('layer').text(), [second]: each.at(second).text() };
          return pair as Record<'layer' | Name, string>;
        });
    const flat = new Set(place.at('flat').texts());
    const [folded, kept] = [pairs('folded', 'into'), pairs('kept', 'reason')];
    return place.making(() => new FoldedNetwork(steps, ends, flat, folded, kept));
  },
};

/** The generator of a dropout, if it has one of its own, with where it is: `{ seed, counter }`. */
function dropout(name: string, type: Class<Dropout>): Entry<Dropout> {
  return {
    name,
    type,
    write({ p, generator }, writer) {
      const own = writer.generator(generator);
      return { args: [p], ...(own === undefined ? {} : { options: { generator: own } }) };
    },
    read(place, reader) {
      place.only([...NODE, 'args', 'options'], `not of ${name}`);
      const [p] = readArgs(place, ['p']);
      readOptions(place, [], name, ['generator']);
      const options = place.at('options');
      const at = options.value === undefined ? undefined : options.at('generator');
      const given = at?.value === undefined ? {} : { generator: reader.generator(at) };
      return place.making(() => new type(p as number, given));
    },
  };
}

export function nested(): readonly Entry[] {
  const wrappers: Entry[] = [weightNorm as Entry, spectralNorm as Entry];
  const graphs: Entry[] = [sequential, residual, graph, foldedNetwork];
  return [...graphs, ...wrappers, ...named({ Dropout, Dropout1d, Dropout2d }, dropout)];
}
