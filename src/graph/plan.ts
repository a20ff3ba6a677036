import { type Block, NULL, type Pointer } from '../memory/memory.ts';
import { placeStructs } from '../memory/struct.ts';
import { kernels, MAX_BYTES } from '../runtime/engine.ts';
import { freezes } from '../tensor/parameter.ts';
import { type Shape, sameShape, shapeText } from '../tensor/shape.ts';
import { fuse } from './fuse.ts';
import { layOut } from './layout.ts';
import type { Use, Value } from './node.ts';
import type { Observer } from './observer.ts';
import { Slot } from './slot.ts';
import type { ModuleOutput, Returned, Trace } from './trace.ts';

/**
 * A model's step for one batch shape: the uses of its layers in order, with all tensors that they read and
 * write in one workspace. It is made once and then run in every step.
 *
 * The moments of a step, for n uses: use i computes at i, differentiates at 2n − 1 − i, and, if only
 * the model's input gradient needs it, at 3n − 1 − i.
 */
export class Plan {
  readonly bytes: number;
  readonly inputs: readonly Value[];
  /** What its forward returns. */
  readonly returned: Returned;
  readonly outputSlots: readonly Slot[];
  /** The output of each module, in order of its calls. */
  readonly outputs: readonly ModuleOutput[];
  private readonly uses: readonly Use[];
  private readonly slots: Slot[] = [];
  private readonly scratch: Slot;
  private base: Pointer = NULL;
  private readonly version = freezes.count;
  /** The structs of sizes of all uses. */
  private readonly structs: Block | undefined;
  /** What gradients flow to from the outputs. Masks and what does not reach an output get none. */
  private readonly reached: ReadonlySet<Value>;
  /** What gradients flow to in this backward: less, if not all outputs got one. */
  private active: ReadonlySet<Value>;
  /** Uses to differentiate in `backward`, and those for the input gradient alone, in order of running. */
  private readonly backwardUses: Use[] = [];
  private readonly deferredUses: Use[] = [];

  /**
   * @param recording whether a backward may follow its forward
   * @param modes the mode of each composite when it was traced: its forward may depend on it
   * @param observed whether each layer's output is computed by itself, so that it can be observed
   */
  constructor(
    [trace, returned]: [Trace, Returned],
    readonly recording: boolean,
    private readonly modes: readonly boolean[],
    readonly observed = false,
  ) {
    this.inputs = trace.inputs;
    this.returned = returned;
    this.outputSlots = returned.values.map(({ slot }) => slot);
    this.outputs = trace.outputs;
    if (!observed) fuse(trace, returned.values);
    this.uses = trace.uses;
    for (const use of this.uses) use.recording = recording;
    this.scratch = this.reserve([
      Math.ceil(Math.max(0, ...this.uses.map((use) => use.scratchBytes)) / 4),
    ]);
    this.scratch.live(-1);
    this.scratch.live(3 * this.uses.length);
    this.active = this.reached = leadingTo(returned.values);
    markTrained(this.uses);
    this.planForward();
    if (recording) this.planBackward();
    this.bytes = layOut(this.slots);
    this.checkBytes();
    this.structs = placeStructs(
      this,
      this.uses.flatMap((use) => use.structs),
    );
  }

  /** @throws RangeError for a step that needs more than linear memory can have */
  private checkBytes(): void {
    if (this.bytes <= MAX_BYTES) return;
    const bytesOf = (use: Use) => use.scratchBytes + use.output.slot.bytes;
    const largest = this.uses.reduce((a, b) => (bytesOf(b) > bytesOf(a) ? b : a));
    throw new RangeError(
      `${largest.leaf}: a step of ${gibibytes(this.bytes)} expected below 4 GiB, with ` +
        `${gibibytes(bytesOf(largest))} for this layer on ${shapeText((largest.inputs[0] ?? largest.output).shape)}: use a ` +
        'smaller batch',
    );
  }

  /** Releases the plan's own memory; the plan must not run afterwards. */
  release(): void {
    this.structs?.release();
  }

  fits(
    shapes: readonly Shape[],
    recording: boolean,
    modes: readonly boolean[],
    observed: boolean,
  ): boolean {
    return (
      recording === this.recording &&
      observed === this.observed &&
      !this.outdated &&
      shapes.length === this.inputs.length &&
      this.inputs.every(({ shape }, i) => sameShape(shape, shapes[i]!)) &&
      this.modes.every((mode, i) => mode === modes[i])
    );
  }

  /** Made before a parameter was frozen or thawed. */
  get outdated(): boolean {
    return this.version !== freezes.count;
  }

  /** Places the plan's workspace at `base`, `bytes` bytes that it may use for the step. */
  attach(base: Pointer): void {
    if (base === this.base) return;
    this.base = base;
    for (const slot of this.slots) slot.attach(base);
    for (const use of this.uses) use.scratch = this.scratch.ptr;
  }

  /** Lets layers throw before the step writes anything. `values` are those of the inputs. */
  verify(who: string, values: readonly ArrayLike<number>[]): void {
    for (const [i, { slot }] of this.inputs.entries()) {
      if (slot.dtype === 'i32')
        checkIntegers(`${who}: input${this.inputs.length > 1 ? ` ${i}` : ''}`, values[i]!);
    }
    const given = (value: Value) => values[this.inputs.indexOf(value)];
    for (const use of this.uses) use.leaf.verify?.(use, this.recording && use.leaf.training, given);
  }

  forward(observers: readonly Observer[] = []): void {
    for (const observer of observers) observer.begin?.(this);
    for (const use of this.uses) {
      use.training = this.recording && use.leaf.training;
      for (const observer of observers) observer.before?.(use);
      use.leaf.run(use);
      for (const observer of observers) observer.after?.(use);
    }
  }

  /** @param seeds the outputs that got a gradient; what does not lead to them gets none */
  backward(observers: readonly Observer[], seeds: ReadonlySet<Value>): void {
    this.active = this.reached;
    for (const output of this.returned.values) {
      if (seeds.has(output)) continue;
      output.gradient!.f32.fill(0);
      this.active = leadingTo(seeds);
    }
    for (const use of this.backwardUses) {
      if (this.passesBy(use, false)) continue;
      for (const observer of observers) observer.gradient?.(use);
      this.differentiate(use, false);
    }
  }

  /** The gradient with respect to the i-th input: run after `backward`, once. */
  inputGradients(): void {
    for (const use of this.deferredUses)
      if (!this.passesBy(use, true)) this.differentiate(use, true);
    for (const input of this.inputs) if (!this.active.has(input)) input.gradient!.f32.fill(0);
  }

  /**
   * Whether a use leads to no output that got a gradient, so that it is not differentiated. The gradients that it
   * would have written first, and others add to, are zero then.
   */
  private passesBy({ output, inputs, targets }: Use, deferred: boolean): boolean {
    const { active } = this;
    if (active.has(output)) return false;
    for (const [i, target] of targets.entries()) {
      if (!target || target.into || target.deferred !== deferred || !active.has(inputs[i]!))
        continue;
      target.slot.f32.fill(0);
    }
    return true;
  }

  private differentiate(use: Use, deferred: boolean): void {
    use.deferred = deferred;
    const { leaf, output, dy } = use;
    if (use.relu && leaf.reluEpilogue === 'mask') {
      kernels().reluBackward(dy, use.y, dy, 0, output.slot.length);
    }
    leaf.runBackward(use);
    for (const target of use.targets) {
      if (!target?.into || target.deferred !== deferred) continue;
      const { into, slot } = target;
      kernels().addForward(into.ptr, into.ptr, slot.ptr, 0, 0, slot.length);
    }
    use.deferred = false;
  }

  private planForward(): void {
    const n = this.uses.length;
    for (const input of this.inputs) input.slot.live(-1);
    for (const output of this.returned.values) output.slot.live(3 * n);
    for (const [i, use] of this.uses.entries()) {
      const deferred = use.inputs.some((input) => !input.trained);
      const last = !this.recording ? i : deferred ? 3 * n - 1 - i : 2 * n - 1 - i;
      use.output.slot.live(i);
      for (const input of use.inputs) input.slot.live(i);
      for (const slot of use.saved) {
        slot.live(i);
        slot.live(last);
        this.slots.push(slot);
      }
      if (use.keepsOutput) use.output.slot.live(last);
      if (use.keepsInput) for (const input of use.inputs) input.slot.live(last);
    }
    for (const [i, use] of this.uses.entries()) {
      const x = use.inputs[0]?.slot;
      if (!x) continue;
      const { slot } = use.output;
      // Not if another input has the same bytes: it may be read when y is partly written.
      const others = use.inputs.slice(1).some((other) => other.slot.host === x.host);
      const free = x.host.to === i && x.bytes === slot.bytes && !others;
      if (use.sharing === 'view' || (use.sharing === 'inPlace' && free)) slot.share(x);
    }
    this.slots.push(...this.inputs.map((value) => value.slot));
    this.slots.push(...this.uses.map((use) => use.output.slot));
  }

  private planBackward(): void {
    const n = this.uses.length;
    // The caller's gradients are copied in, just before the last use differentiates.
    for (const output of this.returned.values) this.gradientOf(output).live(n - 0.5);
    for (const [i, use] of [...this.uses.entries()].reverse()) {
      const { output } = use;
      if (!this.reached.has(output)) continue;
      const dy = output.gradient!;
      const inBackward = 2 * n - 1 - i;
      const later = 3 * n - 1 - i;
      if (output.trained) {
        dy.live(inBackward);
        this.backwardUses.push(use);
      }
      if (use.inputs.some((input, j) => !input.trained && !use.constants.has(j))) {
        dy.live(later);
        this.deferredUses.push(use);
      }
      use.targets = use.inputs.map((input, j) => {
        if (use.constants.has(j)) return undefined;
        const deferred = !input.trained;
        const moment = deferred ? later : inBackward;
        const first = !input.gradient;
        const gradient = this.gradientOf(input);
        gradient.live(moment);
        if (!first) {
          const apart = this.reserve(input.shape);
          apart.live(moment);
          return { slot: apart, into: gradient, deferred };
        }
        // In place of dy if nothing reads dy later, and no other input of this use has taken its bytes.
        const taken = use.inputs.slice(0, j).some((other) => other.gradient?.host === dy.host);
        const free = dy.host.to === moment && dy.bytes === gradient.bytes && !taken;
        if (use.gradientInPlace && free) gradient.share(dy);
        return { slot: gradient, into: undefined, deferred };
      });
    }
    for (const input of this.inputs) this.gradientOf(input).live(3 * n);
  }

  private gradientOf(value: Value): Slot {
    return (value.gradient ??= this.reserve(value.shape));
  }

  private reserve(shape: Shape): Slot {
    const slot = new Slot(shape);
    this.slots.push(slot);
    return slot;
  }
}

function gibibytes(bytes: number): string {
  return `${(bytes / 0x40000000).toFixed(2)} GiB`;
}

function checkIntegers(what: string, values: ArrayLike<number>): void {
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (value !== (value | 0)) {
      throw new RangeError(`${what} expected whole numbers of 32 bits, got ${value} at [${i}]`);
    }
  }
}

/** Marks the tensors that come after a trained parameter. */
function markTrained(uses: readonly Use[]): void {
  for (const { output, inputs, leaf, constants } of uses) {
    output.trained =
      inputs.some((input, i) => input.trained && !constants.has(i)) ||
      leaf.ownParameters().some((parameter) => parameter.requiresGrad);
  }
}

/** The tensors that gradients flow to from `outputs`. */
function leadingTo(outputs: Iterable<Value>): Set<Value> {
  const found = new Set(outputs);
  // A Set yields what is added while it is iterated over.
  for (const { producer } of found) {
    for (const [i, input] of producer?.inputs.entries() ?? []) {
      if (!producer!.constants.has(i)) found.add(input);
    }
  }
  return found;
}
