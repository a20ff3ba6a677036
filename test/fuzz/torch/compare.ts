/** Holds evenkeel's results against PyTorch's. */
import { difference } from '../../support/difference.ts';
import type { Case } from './cases.ts';
import { type Answers, answersTo } from './ours.ts';

export interface TheirAnswer {
  /** Why PyTorch refused the case. */
  readonly error?: string;
  /** Whether a value stands so near to a kink that float32 may decide otherwise. */
  readonly kink: boolean;
  /** `slack` is how far float32's rounding moves the entries, at most. */
  readonly values: Readonly<Record<string, { shape: number[]; f64: string; slack: number }>>;
}

/** Slack is of a few random roundings; the worst of all is larger. */
const MARGIN = 12;

export interface Verdict {
  readonly fault?: string | undefined;
  readonly refused?: boolean;
  readonly kink?: boolean;
}

export function compare(one: Case, theirs: TheirAnswer): Verdict {
  let ours: Answers;
  try {
    ours = answersTo(one);
  } catch (error) {
    const said = String(error);
    if (theirs.error === undefined)
      return { fault: `evenkeel refuses it: ${(error as Error).stack}` };
    return isRefusal(said) ? { refused: true } : { fault: `evenkeel fails: ${said}` };
  }
  if (theirs.error !== undefined) return { fault: `PyTorch refuses it: ${theirs.error}` };
  const { kink } = theirs;
  const names = Object.keys(theirs.values);
  const surplus = Object.keys(ours).filter((name) => !(name in theirs.values));
  if (surplus.length > 0) return { fault: `PyTorch has no ${surplus.join(', ')}` };
  for (const name of names) {
    // Past a kink gradients may differ altogether, and with them everything after.
    if (kink && name !== 'step 0: y' && name !== 'step 0: loss') continue;
    const expected = theirs.values[name]!;
    const found = ours[name];
    if (!found) return { fault: `evenkeel has no ${name}` };
    if (`${found.shape}` !== `${expected.shape}`) {
      return { fault: `${name}: expected shape [${expected.shape}], got [${found.shape}]` };
    }
    const values = new Float64Array(Uint8Array.from(Buffer.from(expected.f64, 'base64')).buffer);
    const tolerance = { scaled: 3e-6, atol: 1e-6 + MARGIN * expected.slack };
    const fault = difference(found.data, values, tolerance, name);
    if (fault) return { fault: `${fault} (slack ${expected.slack})` };
  }
  return { kink };
}

/** Whether an error is one of evenkeel's own, which name the layer or function. */
function isRefusal(said: string): boolean {
  return /^(RangeError|TypeError|Error): [A-Z]\w*[.:( ]/.test(said);
}
