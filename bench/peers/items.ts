/** What is measured in other libraries: the items of every benchmark. */
import type { NamedItem } from '../bench.ts';
import { allBenches } from '../suite.ts';

export async function allItems(): Promise<NamedItem[]> {
  return [...(await allBenches())].flatMap(([group, { contest }]) =>
    (contest?.items ?? []).map((item) => ({ group, ...item })),
  );
}
