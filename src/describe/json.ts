/** The form of a model's description. */

/** A value that JSON can hold. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
export type JsonObject = { readonly [name: string]: Json };

/** The version that `toJSON` writes, and the only one that there is so far. */
export const VERSION = 1;

/** What `toJSON` returns: a model's architecture in plain JSON. */
export interface ModelDescription {
  readonly format: 'evenkeel';
  readonly version: number;
  /** The model: `{ type, args, options }`, and of composites the layers in it. */
  readonly model: Json;
  /** Names of the parameters that are not trained. Left out if there are none. */
  readonly frozen?: readonly string[];
  /** Names of the batch norms whose statistics are frozen. Left out if there are none. */
  readonly frozenStatistics?: readonly string[];
  /** Parameters that are in two layers: each with the place where it was first. Left out if there are none. */
  readonly tied?: readonly (readonly [place: string, first: string])[];
}

/** A description of a layer: its class, and what its constructor is given. */
export interface LayerDescription {
  readonly type: string;
  readonly args?: readonly Json[];
  readonly options?: JsonObject;
}
