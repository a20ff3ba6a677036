/** What `diagnose` can find. */
export type Ailment =
  | 'not-finite'
  | 'inputs-not-scaled'
  | 'softmax-before-cross-entropy'
  | 'vanishing-gradients'
  | 'exploding-gradients'
  | 'learning-rate-too-high'
  | 'dead-units'
  | 'saturated-units'
  | 'activations-shrink'
  | 'activations-grow'
  | 'statistics-lag'
  | 'small-batch';

/** How bad it is: training cannot work, works worse than it could, or may do so. */
export type Severity = 'error' | 'warning' | 'hint';

/** A fault that the figures of a watch show. */
export interface Diagnosis {
  readonly what: Ailment;
  /** The name of the layer; 'inputs', 'output' or 'loss' for these. */
  readonly where: string;
  readonly severity: Severity;
  /** The figures that show it, by name. */
  readonly figures: Readonly<Record<string, number>>;
  /** What is seen, with its figures. */
  readonly sentence: string;
  /** What to do. */
  readonly advice: string;
}
