import run from 'program';
import type { Reply } from '../runtime.ts';

/** The program's answer as it travels. */
export async function reply(request: unknown): Promise<Reply> {
  try {
    return { value: await run(request) };
  } catch (error) {
    return { error: error instanceof Error ? `${error.message}\n${error.stack}` : String(error) };
  }
}
