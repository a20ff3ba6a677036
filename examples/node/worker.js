import { parentPort } from 'node:worker_threads';
import { serve } from 'evenkeel/worker';
import { training } from '../spiral.js';

serve(({ data, epochs }, signal) => training(data, { epochs, signal }), parentPort);
