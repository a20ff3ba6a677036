// The Worker of the examples in page/, deno/ and bun/.
import { serve } from 'evenkeel/worker';
import { training } from './spiral.js';

serve(({ data, epochs }, signal) => training(data, { epochs, signal }));
