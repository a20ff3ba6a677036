// Prints the milliseconds of processor time that waiting threads take in a second.
import { Linear } from '../../../dist/index.js';
import { useThreads } from '../../../dist/threads.js';

await useThreads(3);
const layer = new Linear(400, 400);
layer.forward({ data: new Float32Array(400 * 300), shape: [300, 400] });
const pause = (time) => new Promise((resolve) => setTimeout(resolve, time));
await pause(500);
const before = process.cpuUsage();
await pause(1000);
const { user, system } = process.cpuUsage(before);
console.log((user + system) / 1000);
