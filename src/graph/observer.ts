import type { Use, Value } from './node.ts';
import type { ModuleOutput } from './trace.ts';

/** The plan of an observed step. */
export interface ObservedPlan {
  readonly inputs: readonly Value[];
  /** The output of each module, in order of its calls' ends. */
  readonly outputs: readonly ModuleOutput[];
}

/**
 * Sees the tensors of a step while it runs. A session asks it at each step whether it wants to; a step that
 * nobody observes runs the same plan as if there were no observers. An observed step has a plan of its own,
 * in which no layer takes over the work of the next, so that every layer's output exists. It gives the same
 * bits.
 *
 * Memory that was read in one call may hold another tensor in the next: plans reuse it.
 */
export interface Observer {
  /** Whether it wants to see the step that begins. `training` is the model's mode. */
  wants(training: boolean): boolean;
  /** The inputs are in place. */
  begin?(plan: ObservedPlan): void;
  /** The inputs of `use` are complete. */
  before?(use: Use): void;
  /** The output of `use` is complete. */
  after?(use: Use): void;
  /** The loss's gradient with respect to the output of `use` is complete. */
  gradient?(use: Use): void;
  /** The step's backward has ended: the parameters have their gradients. */
  end?(plan: ObservedPlan): void;
}
