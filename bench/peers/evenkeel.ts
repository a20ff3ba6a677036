/** Our side: answers the same requests as the drivers of other libraries, with the works of bench/works. */
import type { NamedItem } from '../bench.ts';
import { openArena } from '../open.ts';
import { allBenches } from '../suite.ts';
import { serve } from './serve.js';

const arena = await openArena(process.argv[2] === 'relaxed' ? 'relaxed' : 'strict');
const benches = await allBenches();

await serve((item: NamedItem) => benches.get(item.group)!.contest!.prepare(arena, item));
