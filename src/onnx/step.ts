/** One call of a layer that is being written as nodes. */
import type { TracedStep } from '../analysis/graphof.ts';
import type { Module } from '../module/module.ts';
import type { Buffer, Parameter } from '../tensor/parameter.ts';
import type { Shape } from '../tensor/shape.ts';
import type { AttributeValue, GraphDraft, Name } from './draft.ts';

/** How many samples the network is traced with, besides the number that was given, to see what depends on it. */
export type Dimension = number | undefined;

export class StepDraft {
  constructor(
    private readonly graph: GraphDraft,
    private readonly step: TracedStep,
    /** The names of what the layer reads. */
    readonly inputs: readonly Name[],
    /** The output's shape; undefined for an extent that depends on the number of samples. */
    readonly extents: readonly Dimension[],
  ) {}

  get name(): string {
    return this.step.name;
  }

  get layer(): Module {
    return this.step.layer;
  }

  /** The first input. */
  get x(): Name {
    return this.inputs[0]!;
  }

  get inputShape(): Shape {
    return this.step.inputShapes[0]!;
  }

  get shape(): Shape {
    return this.step.shape;
  }

  /** How many axes the input has. */
  get rank(): number {
    return this.inputShape.length;
  }

  /** Adds a node between others of the layer. `skip` outputs are before the one that is wanted. */
  node(
    opType: string,
    inputs: readonly Name[],
    attributes: Readonly<Record<string, AttributeValue>> = {},
    skip = 0,
  ): Name {
    const output = this.graph.unique(`${this.name}/${opType}`);
    return this.graph.node(opType, inputs, attributes, { output, docString: this.text, skip });
  }

  /** Adds the node that gives the layer's output. */
  result(
    opType: string,
    inputs: readonly Name[],
    attributes: Readonly<Record<string, AttributeValue>> = {},
  ): Name {
    const output = this.graph.unique(this.name);
    return this.graph.node(opType, inputs, attributes, { output, docString: this.text });
  }

  /** A parameter or buffer of the layer, whose property is `property`. */
  parameter(source: Parameter | Buffer, property: string, shape?: Shape): Name {
    return this.graph.parameter(source, `${this.place}.${property}`, shape);
  }

  floats(what: string, values: Float32Array | readonly number[], shape: Shape): Name {
    return this.graph.floats(`${this.name}/${what}`, values, shape);
  }

  scalar(what: string, value: number): Name {
    return this.floats(what, [value], []);
  }

  integers(what: string, values: readonly number[], shape?: Shape): Name {
    return this.graph.integers(`${this.name}/${what}`, values, shape);
  }

  /** Values made of the layer's parameters, under the name of the first of them. */
  arranged(property: string, shape: Shape, values: () => Float32Array): Name {
    const name = `${this.place}.${property}`;
    return this.graph.once(`${name} arranged`, () => this.graph.floats(name, values(), shape));
  }

  /** The target of a Reshape to these extents; -1 stands for the one that depends on the number of samples. */
  target(extents: readonly Dimension[] = this.extents): Name {
    if (extents.filter((extent) => extent === undefined).length > 1) {
      throw new RangeError(
        `toONNX: ${this.name}: ${this.layer} expected at most one axis whose length depends on the ` +
          'number of samples, got several: pass { dynamicBatch: false }',
      );
    }
    return this.integers(
      'shape',
      extents.map((extent) => extent ?? -1),
    );
  }

  private get place(): string {
    return this.name.replace(/#\d+$/, '');
  }

  private get text(): string {
    return `${this.layer}`;
  }
}
