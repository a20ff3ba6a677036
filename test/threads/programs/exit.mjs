// Ends by itself, with threads that wait. Prints how many there are.
import { Linear } from '../../../dist/index.js';
import { useThreads } from '../../../dist/threads.js';

const threads = await useThreads(3);
const layer = new Linear(400, 400);
const inputs = { data: new Float32Array(400 * 300), shape: [300, 400] };
for (let i = 0; i < 5; i++) layer.forward(inputs);
console.log(threads.count);
